// Plays the recordings of an evidence bundle from the page itself. Text goes in as text, never as markup.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  let language = (navigator.language || "en").startsWith("fr") ? "fr" : "en";
  let player = null;

  const element = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };

  const lineButton = (line, words) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = line.verdict === "allow" ? "allow" : "deny";
    button.dataset.n = String(line.n);
    button.append(
      element("span", line.time + " "),
      element("b", line.verdict === "allow" ? words.sent : words.refused),
      element("code", line.typed === null ? words.closed_text : line.typed),
      element("small", line.outcome[language] + " · " + words.entry + " " + line.index +
        (line.rpcs ? " · " + line.rpcs[language] : "")),
    );
    button.disabled = line.at === null;
    button.addEventListener("click", () => {
      for (const other of byId("lines").querySelectorAll("button")) other.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      if (player !== null) player.seek(line.at);
    });
    return button;
  };

  const showLines = (session) => {
    const words = data.words[language];
    document.documentElement.lang = language;
    byId("list-title").textContent = words.player_list;
    byId("hint").textContent = words.player_hint;
    byId("about").textContent = session.started + (session.rep ? " · " + session.rep : "");
    byId("lines").replaceChildren(
      ...session.lines.map((line) => {
        const item = document.createElement("li");
        item.append(lineButton(line, words));
        return item;
      }),
    );
  };

  const play = (session) => {
    if (player !== null) player.dispose();
    byId("screen").replaceChildren();
    player = AsciinemaPlayer.create({ data: session.cast }, byId("screen"), {
      preload: true,
      fit: "width",
      theme: "asciinema",
      poster: "npt:0:00",
      keystrokeOverlay: false,
    });
    window.player = player;
    showLines(session);
  };

  const chosen = () => data.sessions[byId("sessions").selectedIndex];
  for (const session of data.sessions) byId("sessions").append(element("option", session.session));
  for (const code of Object.keys(data.words).sort()) {
    const button = element("button", code);
    button.type = "button";
    button.addEventListener("click", () => {
      language = code;
      showLines(chosen());
    });
    byId("languages").append(button);
  }
  byId("sessions").addEventListener("change", () => play(chosen()));
  play(chosen());
})();

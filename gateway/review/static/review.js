// The player beside the commands. It reads the page's own data attributes and JSON from this origin, and writes text
// only by textContent and by styles of elements that are there already.
"use strict";
(() => {
  const place = document.getElementById("player");
  const clock = document.getElementById("clock");
  const here = document.getElementById("here");
  const list = document.querySelector("ol.commands");
  const items = [...document.querySelectorAll("ol.commands li[data-at]")];
  const times = items.map((item) => Number(item.dataset.at));
  let player, shifts = [[0, 0]], duration = 0, playing = false;

  // What is shown at `shown` seconds of the player happened so many seconds after the session's recording began. A
  // pause is left out at its beginning; just there the clock still shows what came before it.
  const recorded = (shown) => {
    let shift = 0;
    for (const [from, by] of shifts) if (from + 0.1 < shown) shift = by;
    return shown + shift;
  };
  const two = (number) => String(number).padStart(2, "0");
  const spoken = (seconds) => {
    const whole = Math.floor(seconds);
    return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  };
  // The command that runs at this moment: the last one that began.
  const at = (shown) => times.findLastIndex((time) => time <= shown + 0.05);

  let marked = -2;
  const follow = () => {
    const shown = player.getCurrentTime() || 0;
    const real = recorded(shown);
    clock.textContent = spoken(real);
    here.href = `?t=${real.toFixed(1)}`;
    const now = at(shown);
    if (now === marked) return;
    marked = now;
    items.forEach((item, number) => {
      if (number === now) item.setAttribute("aria-current", "true");
      else item.removeAttribute("aria-current");
    });
    if (now >= 0) {
      const top = items[now].offsetTop - list.offsetTop;
      if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 80) list.scrollTop = top - 80;
    }
  };
  const seek = (shown) => player.seek(Math.min(Math.max(0, shown), duration)).then(follow, follow);
  const shown = () => player.getCurrentTime() || 0;
  const step = (by) => {
    const now = at(shown());
    const target = by > 0 ? times.find((time) => time > shown() + 0.05) : times[shown() - times[now] > 1 ? now : now - 1];
    if (target !== undefined) seek(target);
  };

  const controls = {
    play: () => (playing ? player.pause() : player.play()),
    back: () => seek(shown() - 5),
    on: () => seek(shown() + 5),
    before: () => step(-1),
    after: () => step(1),
  };

  const start = (index) => {
    shifts = index.shifts;
    duration = index.duration;
    place.replaceChildren();
    player = AsciinemaPlayer.create({ url: place.dataset.index, format: "segmented" }, place, {
      fit: "width", controls: true, startAt: index.start, preload: true, poster: `npt:${index.start}`,
      theme: "asciinema", terminalFontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
      logger: { log() {}, debug() {}, info() {}, warn() {}, error() {} },
    });
    const wrapper = player.el;
    wrapper.tabIndex = 0;
    wrapper.setAttribute("role", "application");
    wrapper.setAttribute("aria-label", "Terminal recording. Space plays and pauses, arrow keys seek.");
    // Inside the player, so that it stays when the player takes the whole screen.
    const over = document.querySelector(".watermark").cloneNode(true);
    over.classList.add("over");
    wrapper.append(over);

    const button = document.querySelector('[data-do="play"]');
    const state = (now) => {
      playing = now;
      button.textContent = now ? "Pause" : "Play";
    };
    for (const name of ["play", "playing"]) player.addEventListener(name, () => state(true));
    for (const name of ["pause", "ended"]) player.addEventListener(name, () => state(false));
    player.addEventListener("seeked", follow);
    setInterval(follow, 250);
    for (const one of document.querySelectorAll("[data-do]")) {
      one.addEventListener("click", controls[one.dataset.do]);
    }
    for (const [number, item] of items.entries()) {
      item.querySelector("a.seek").addEventListener("click", (event) => {
        event.preventDefault();
        seek(times[number]);
        history.replaceState(null, "", `?cmd=${item.dataset.n}`);
      });
    }
    place.dataset.ready = "true";
  };

  fetch(place.dataset.index)
    .then((answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    })
    .then(start)
    .catch(() => {
      const note = document.createElement("p");
      note.className = "alert";
      note.setAttribute("role", "alert");
      note.textContent = "The recording cannot be loaded. Reload the page; your look may have ended.";
      place.replaceChildren(note);
    });
})();

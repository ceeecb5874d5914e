"""The subscriber's pages as a browser without script meets them."""

import itertools
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from audit.errors import LogMissing, RecordFailed
from gateway.consent.model import State
from gateway.evidence.plain_log import LogLine

if TYPE_CHECKING:
    from .conftest import Page, Place

# --- the link ---------------------------------------------------------------------------------------------------------


async def test_looking_at_a_link_does_not_open_it(place: "Place") -> None:
    await place.ask()
    scanner, subscriber = place.browser(), place.browser()
    for _ in range(3):
        page = await scanner.get(place.link())
        assert page.status == 200
        assert "lan.hosts.read" not in page.html
    page = await place.opened(subscriber)
    assert "Rep 7F3A" in page.text


async def test_a_link_opens_once_and_comes_back_in_the_same_browser(place: "Place") -> None:
    await place.ask()
    first, second = place.browser(), place.browser()
    assert (await place.opened(first)).status == 200
    refused = await place.opened(second)
    assert refused.status == 410
    assert refused.has_form("/again")
    assert "Rep 7F3A" not in refused.text
    again = await first.get(place.link())
    assert again.status == 200
    assert "Rep 7F3A" in again.text, "the cookie leads straight to the case"
    strict = await first.post(place.link(), [])
    assert "Rep 7F3A" in strict.text, "also when the cookie came only with the button"


async def test_a_new_link_is_sent_and_the_old_browser_is_out(place: "Place") -> None:
    await place.ask()
    thief, subscriber = place.browser(), place.browser()
    await place.opened(thief)
    refused = await place.opened(subscriber)
    sent = await subscriber.submit(refused, "/again")
    assert sent.status == 200
    assert len(place.notifier.sent) == 2
    assert "marie@" not in sent.html
    assert (await thief.get("/case")).status == 410
    assert "Rep 7F3A" in (await place.opened(subscriber)).text


async def test_new_links_have_an_end(place: "Place") -> None:
    await place.ask()
    browser = place.browser()
    statuses = [(await browser.post(place.link() + "/again", [])).status for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 429, 429]
    assert len(place.notifier.sent) == 5


@pytest.mark.parametrize("path", ["//evil.example/x", "/%5Cevil.example", "///evil.example"])
async def test_no_page_links_to_another_site_because_its_address_says_so(place: "Place", path: str) -> None:
    page = await place.browser().get("http://127.0.0.1" + path if path.startswith("//") else path)
    assert page.status == 404
    assert 'href="//' not in page.html
    assert 'href="/\\' not in page.html
    assert "lang=fr" in page.html


@pytest.mark.parametrize("path", ["/l/short", "/l/" + "A" * 43, "/case", "/case/receipt", "/nothing", "/l/%00"])
async def test_what_is_not_there_is_a_page_that_says_so(place: "Place", path: str) -> None:
    page = await place.browser().get(path)
    assert page.status == 404
    assert "<h1>" in page.html
    assert "Traceback" not in page.html


async def test_two_cases_live_side_by_side_in_one_browser(place: "Place") -> None:
    browser = place.browser()
    await place.ask(reason="First reason")
    first = await place.opened(browser)
    await browser.submit(first, "/case/deny")
    await place.ask(reason="Second reason")
    await place.opened(browser)
    assert "Second reason" in (await browser.get("/case")).text
    old = dict(first.form("/case/deny").fields)["c"]
    assert "First reason" in (await browser.get(f"/case?c={old}")).text


async def test_the_cookie_is_strict_and_unreadable_for_scripts(place: "Place") -> None:
    await place.ask()
    client = place.browser().client
    response = await client.post(place.link(), headers={"sec-fetch-site": "same-origin"}, follow_redirects=False)
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith("case=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert response.status_code == 303


@pytest.mark.parametrize("public_url", ["https://customer.example"], indirect=True)
async def test_over_tls_the_cookie_is_bound_to_host_and_tls(place: "Place") -> None:
    await place.ask()
    response = await place.browser().client.post(place.link(), follow_redirects=False)
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith("__host-case=")
    assert "secure" in cookie
    assert "domain" not in cookie
    assert response.headers["strict-transport-security"]


# --- deciding ---------------------------------------------------------------------------------------------------------


async def test_the_request_says_who_what_why_and_how_long(place: "Place") -> None:
    await place.ask()
    page = await place.opened(place.browser())
    for words in (
        "Rep 7F3A, for Example Internet Ltd.",
        "The line <drops>.",
        "T-17",
        "30 minutes, 1 session at most",
        "See the condition of your router and of your line.",
        "See the list of devices in your home.",
        "We cannot copy files from or into your home.",
    ):
        assert words in page.text
    assert "<drops>" not in page.html, "what people write is escaped"
    assert page.form("/case/grant").boxes == ["lan.hosts.read", "device.reboot"], "nothing is ticked beforehand"


async def test_granting_less(place: "Place") -> None:
    consent = await place.ask()
    browser = place.browser()
    page = await browser.submit(await place.opened(browser), "/case/grant", tick=("device.reboot",), minutes="7")
    assert "Your consent is in force" in page.text
    granted = await place.service.get(place.rep, consent.id)
    assert (granted.state, granted.granted, granted.minutes) == (State.GRANTED, ("device.reboot",), 7)
    assert place.evidence.written[-1].sealed["who"]["source"] == "198.51.100.9"


async def test_granting_with_nothing_ticked_allows_the_basics_only(place: "Place") -> None:
    consent, page = await place.granted(place.browser())
    assert consent.granted == ()
    assert "Nothing in addition." in page.text


async def test_the_statement_granted_under_is_the_one_on_the_page(place: "Place") -> None:
    consent = await place.ask()
    browser = place.browser()
    await place.opened(browser)
    french = await browser.get("/case?lang=fr")
    await browser.submit(french, "/case/grant")
    granted = await place.service.get(place.rep, consent.id)
    assert granted.language == "fr"
    assert granted.statement_digest == place.service.statement("fr").digest
    assert "Ce que personne ne peut faire" in await place.service.statement_shown(granted)


@pytest.mark.parametrize("minutes", ["0", "31", "", "x", "-1", "1e3", "99999999999", "٣"])
async def test_wrong_minutes_are_named_and_nothing_changes(place: "Place", minutes: str) -> None:
    consent = await place.ask()
    browser = place.browser()
    page = await browser.submit(await place.opened(browser), "/case/grant", tick=("device.reboot",), minutes=minutes)
    assert page.status == 400
    assert "The number of minutes must be from 1 to 30." in page.text
    assert page.form("/case/grant").boxes == ["lan.hosts.read"], "what was ticked stays ticked"
    assert (await place.service.get(place.rep, consent.id)).state is State.REQUESTED


async def test_what_was_not_asked_cannot_be_granted(place: "Place") -> None:
    consent = await place.ask()
    browser = place.browser()
    page = await browser.submit(await place.opened(browser), "/case/grant", tick=("dns.change",))
    assert page.status == 400
    assert (await place.service.get(place.rep, consent.id)).state is State.REQUESTED


async def test_an_outdated_statement_is_not_agreed_to(place: "Place") -> None:
    consent = await place.ask()
    browser = place.browser()
    page = await browser.submit(await place.opened(browser), "/case/grant", statement="0" * 64)
    assert page.status == 400
    assert (await place.service.get(place.rep, consent.id)).state is State.REQUESTED


async def test_denying(place: "Place") -> None:
    await place.ask()
    browser = place.browser()
    page = await browser.submit(await place.opened(browser), "/case/deny")
    assert "You refused." in page.text
    assert page.forms == []


async def test_asking_and_reading_the_answer(place: "Place") -> None:
    consent = await place.ask()
    browser = place.browser()
    page = await browser.submit(await place.opened(browser), "/case/question", question="Why <b>me</b>?")
    assert "Why <b>me</b>?" in page.text
    assert "<b>" not in page.html
    assert "Not answered yet." in page.text
    await place.service.answer_question(place.rep, consent.id, "Because of the <line>.")
    assert "Because of the <line>." in (await browser.get("/case")).text


@pytest.mark.parametrize("question", ["", "   ", "x" * 1001, "bell \x07"])
async def test_a_wrong_question_is_named_and_kept(place: "Place", question: str) -> None:
    await place.ask()
    browser = place.browser()
    page = await browser.submit(await place.opened(browser), "/case/question", question=question)
    assert page.status == 400
    assert "1 and 1000 characters" in page.text


async def test_a_page_that_is_too_old_shows_how_it_stands(place: "Place") -> None:
    await place.ask()
    browser = place.browser()
    old = await place.opened(browser)
    await browser.submit(old, "/case/deny")
    page = await browser.submit(old, "/case/grant")
    assert page.status == 409
    assert "Things have changed" in page.text
    assert "You refused." in page.text


# --- while it runs and afterwards -------------------------------------------------------------------------------------


async def test_the_live_page_shows_state_log_and_stop(place: "Place") -> None:
    browser = place.browser()
    place.lines += [
        LogLine(place.clock.now(), "looked at the condition of your router and line"),
        LogLine(place.clock.now() + timedelta(minutes=1), "tried <that>: blocked", refused=True),
    ]
    _, page = await place.granted(browser)
    assert "for another 30 minutes (until 13:30 UTC)" in page.text
    assert "No session is open at the moment." in page.text
    assert "13:00" in page.text
    assert "tried <that>: blocked" in page.text
    assert "https://assist.example/start" in page.html
    await place.service.use(await place.service.claim(place.rep, place.router))
    assert "A session is open right now." in (await browser.get("/case")).text


async def test_revoking(place: "Place") -> None:
    ended: list[str] = []
    place.service.on_ended(lambda consent_id, reason: ended.append(reason))
    browser = place.browser()
    consent, page = await place.granted(browser)
    page = await browser.submit(page, "/case/revoke")
    assert "You took your consent back." in page.text
    assert ended == ["revoked"]
    assert (await place.service.get(place.rep, consent.id)).state is State.REVOKED


async def test_an_extension_is_decided_on_the_page(place: "Place") -> None:
    browser = place.browser()
    consent, _ = await place.granted(browser)
    scope = ("dns.change", "wifi.ssid.write")
    await place.service.request_extension(place.rep, consent.id, minutes=5, scope=scope)
    page = await browser.get("/case")
    assert "5 more minutes" in page.text
    assert "Set the provider's name servers." in page.text
    await browser.submit(page, "/case/extension/allow", tick=("dns.change",))
    assert (await place.service.get(place.rep, consent.id)).granted == ("dns.change",)
    await place.service.request_extension(place.rep, consent.id, scope=("device.reboot",))
    await browser.submit(await browser.get("/case"), "/case/extension/allow")
    assert (await place.service.get(place.rep, consent.id)).granted == ("dns.change", "device.reboot")
    await place.service.request_extension(place.rep, consent.id, minutes=5)
    await browser.submit(await browser.get("/case"), "/case/extension/refuse")
    after = await place.service.get(place.rep, consent.id)
    assert (after.state, after.minutes) == (State.GRANTED, 35)


async def test_the_receipt_is_the_record(place: "Place") -> None:
    browser = place.browser()
    consent, page = await place.granted(browser, tick=("device.reboot",))
    page = await browser.submit(page, "/case/revoke")
    assert "Download the receipt" in page.text
    response = await browser.client.get("/case/receipt")
    assert response.headers["content-disposition"].startswith("attachment")
    record = json.loads(response.content)
    assert record["consent"] == consent.id
    assert record["collector"] == "Rep 7F3A"
    assert [part["capability"] for part in record["scope"]] == ["device.reboot"]
    assert record["entry"] == 1
    assert record["statement"]["text"] == place.service.statement("en").text
    assert record["collection_method"] == "web-link"
    assert place.rep.principal.id not in response.text


async def test_there_is_no_receipt_without_a_grant(place: "Place") -> None:
    await place.ask()
    browser = place.browser()
    await place.opened(browser)
    assert (await browser.get("/case/receipt")).status == 404


async def test_expired_is_shown(place: "Place") -> None:
    browser = place.browser()
    await place.granted(browser)
    place.clock.advance(1800)
    await place.service.expire_due()
    assert "The time you granted is over." in (await browser.get("/case")).text


async def test_following_is_the_readers_choice(place: "Place") -> None:
    browser = place.browser()
    _, page = await place.granted(browser)
    assert "http-equiv" not in page.html
    assert 'http-equiv="refresh"' in (await browser.get("/case?follow=1")).html


# --- what must not work -----------------------------------------------------------------------------------------------

POSTS = [
    "/case/grant",
    "/case/deny",
    "/case/question",
    "/case/revoke",
    "/case/extension/allow",
    "/case/extension/refuse",
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("attack", ["no token", "wrong token", "other site", "json", "no cookie", "too large"])
async def test_forms_of_others_change_nothing(place: "Place", path: str, attack: str) -> None:
    consent = await place.ask()
    browser = place.browser()
    page = await place.opened(browser)
    before = len(place.evidence.written)
    fields = dict(page.form("/case/deny").fields)
    headers = {}
    if attack == "no token":
        del fields["f"]
    elif attack == "wrong token":
        fields["f"] = "0" * 64
    elif attack == "other site":
        headers["sec-fetch-site"] = "cross-site"
    elif attack == "json":
        headers["content-type"] = "text/plain"
    elif attack == "no cookie":
        browser = place.browser()
    else:
        fields["question"] = "x" * 20_000
    answer = await browser.post(path, list(fields.items()), **headers)
    assert answer.status == (404 if attack == "no cookie" else 403)
    assert len(place.evidence.written) == before
    assert (await place.service.get(place.rep, consent.id)).state is State.REQUESTED


async def test_another_site_cannot_open_a_link(place: "Place") -> None:
    await place.ask()
    browser = place.browser()
    for path in (place.link(), place.link() + "/again"):
        assert (await browser.post(path, [], **{"sec-fetch-site": "cross-site"})).status == 403
    assert (await place.opened(browser)).status == 200
    assert len(place.notifier.sent) == 1


@pytest.mark.parametrize("value", ["", "x", "a.b", "~~~", "01ARZ3NDEKTSV4RRFFQ69G5FAV.AAAA", "é" * 10])
async def test_a_made_up_cookie_is_worth_nothing(place: "Place", value: str) -> None:
    await place.ask()
    browser = place.browser()
    response = await browser.client.get("/case", headers={"cookie": b"case=" + value.encode()})
    assert response.status_code == 404


async def test_one_case_does_not_open_another(place: "Place") -> None:
    browser, other = place.browser(), place.browser()
    await place.ask(reason="First")
    first = dict((await place.opened(browser)).form("/case/deny").fields)
    await browser.submit(await browser.get("/case"), "/case/deny")
    await place.ask(reason="Second")
    second = await place.opened(other)
    assert (await other.get(f"/case?c={first['c']}")).status == 404
    mixed = {**dict(second.form("/case/deny").fields), "f": first["f"]}
    assert (await other.post("/case/deny", list(mixed.items()))).status == 403


# --- when things break ------------------------------------------------------------------------------------------------


async def test_what_cannot_be_recorded_does_not_count_and_says_so(place: "Place") -> None:
    consent = await place.ask()
    browser = place.browser()
    page = await place.opened(browser)
    place.evidence.failing = RecordFailed("disk full on /var/lib/secret-path")
    answer = await browser.submit(page, "/case/grant")
    assert answer.status == 503
    assert "could not be recorded" in answer.text
    assert "secret-path" not in answer.html
    assert (await place.service.get(place.rep, consent.id)).state is State.REQUESTED


async def test_a_log_that_cannot_be_read_does_not_hide_the_stop_button(place: "Place") -> None:
    browser = place.browser()
    await place.granted(browser)

    async def broken(consent_id: str, language: str) -> list[LogLine]:
        raise LogMissing("no log here")

    app = browser.client._transport.app  # type: ignore[attr-defined]
    for route in app.routes:
        if route.path == "/case":
            object.__setattr__(route.endpoint.__self__, "log_for", broken)
    page = await browser.get("/case")
    assert page.status == 200
    assert "cannot be shown at the moment" in page.text
    assert page.has_form("/case/revoke")


async def test_a_fault_of_ours_shows_no_trace(place: "Place") -> None:
    browser = place.browser()
    await place.granted(browser)

    async def broken(consent_id: str, language: str) -> list[LogLine]:
        raise RuntimeError("secret detail")

    app = browser.client._transport.app  # type: ignore[attr-defined]
    for route in app.routes:
        if route.path == "/case":
            object.__setattr__(route.endpoint.__self__, "log_for", broken)
    page = await browser.get("/case")
    assert page.status == 500
    assert "secret" not in page.html
    assert page.headers["content-security-policy"]


# --- languages, headers, accessibility --------------------------------------------------------------------------------


async def test_the_statement_is_public_in_both_languages(place: "Place") -> None:
    browser = place.browser()
    english = await browser.get("/", **{"accept-language": "de, en;q=0.5"})
    assert "What the rep can do once you agree" in english.text
    french = await place.browser().get("/statement", **{"accept-language": "fr-CA,fr;q=0.9,en;q=0.8"})
    assert "Ce que la personne peut faire une fois que vous acceptez" in french.text
    assert french.headers["content-language"] == "fr"


async def test_the_switch_is_remembered(place: "Place") -> None:
    await place.ask()
    browser = place.browser()
    page = await place.opened(browser)
    assert "Your decision" in page.text
    await browser.get("/case?lang=fr")
    assert "Votre décision" in (await browser.get("/case")).text


async def test_a_french_case_is_french_for_an_english_browser(place: "Place") -> None:
    await place.ask(language="fr")
    browser = place.browser()
    browser.client.headers["accept-language"] = "en"
    assert "Votre décision" in (await place.opened(browser)).text


async def every_page(place: "Place") -> "list[Page]":
    """One page of each kind, in both languages."""
    pages = []
    for language in ("en", "fr"):
        browser = place.browser()
        consent = await place.ask(language=language)
        pages.append(await browser.get(place.link() + f"?lang={language}"))
        pages.append(pending := await place.opened(browser))
        pages.append(await browser.submit(pending, "/case/question", question="Q?"))
        pages.append(await place.opened(place.browser()))
        pages.append(live := await browser.submit(pending, "/case/grant"))
        await place.service.request_extension(place.rep, consent.id, minutes=5, scope=("dns.change",))
        pages.append(await browser.get("/case?follow=1"))
        pages.append(await browser.submit(live, "/case/revoke"))
        pages.append(await browser.get("/statement"))
        pages.append(await browser.get("/nothing"))
        pages.append(await browser.submit(live, "/case/revoke"))
    return pages


async def test_every_page_keeps_the_headers(place: "Place") -> None:
    for page in await every_page(place):
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"


async def test_every_page_can_be_read_by_everyone(place: "Place") -> None:
    for page in await every_page(place):
        tags = page.tags
        assert [named["lang"] for tag, named in tags if tag == "html"] == [page.headers["content-language"]]
        assert len([tag for tag, _ in tags if tag == "h1"]) == 1
        assert [tag for tag, _ in tags].count("title") == 1
        assert [tag for tag, _ in tags].count("main") == 1
        levels = [int(tag[1]) for tag, _ in tags if tag in {"h1", "h2", "h3"}]
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), "no level skipped"
        ids = [named["id"] for _, named in tags if "id" in named]
        assert len(ids) == len(set(ids))
        assert not any(tag in {"script", "style", "iframe", "img"} for tag, _ in tags)
        assert not any(name.startswith("on") or name == "style" for _, named in tags for name in named)
        labels = {named.get("for") for tag, named in tags if tag == "label"}
        for tag, named in tags:
            if tag == "textarea" or (tag == "input" and named.get("type") == "number"):
                assert named["id"] in labels
        assert "{" not in page.text, "no unfilled placeholder"


async def test_boxes_stand_inside_their_labels(place: "Place") -> None:
    await place.ask()
    page = await place.opened(place.browser())
    tags = [tag for tag, _ in page.tags]
    for position, (tag, named) in enumerate(page.tags):
        if tag == "input" and named.get("type") == "checkbox":
            assert tags[position - 1] == "label"
    assert "fieldset" in tags
    assert "legend" in tags


async def test_the_style_comes_from_its_own_file(place: "Place") -> None:
    response = await place.browser().client.get("/style.css")
    assert response.headers["content-type"].startswith("text/css")
    assert "http" not in response.text


async def test_health(place: "Place") -> None:
    assert (await place.browser().client.get("/health")).text == "ok\n"


async def test_only_the_methods_that_exist(place: "Place") -> None:
    client = place.browser().client
    assert (await client.get("/case/grant")).status_code == 405
    assert (await client.put("/case")).status_code == 405
    assert (await client.request("PROPFIND", "/statement")).status_code == 405
    assert isinstance(await client.head("/statement"), httpx.Response)

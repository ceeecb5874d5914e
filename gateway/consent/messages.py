"""The messages a subscriber gets, in English and French. They name the provider and what is asked, never a person."""

from typing import Final

from gateway.consent.model import Consent
from gateway.consent.notifier import Contact, Message
from gateway.consent.statement import sentence

_LINK: Final = {
    "en": (
        "{controller}: a rep asks for your consent",
        (
            "{controller}: {alias} asks for access to your router, for {minutes} minutes.\n\n"
            "Read what it is about, then allow or refuse it here:\n{link}\n\n"
            "The link works once, in one browser. It is yours: nobody at {controller} will ask you for it. "
            "If you did not call us, refuse or do nothing; without your consent nobody can reach your router.\n"
        ),
    ),
    "fr": (
        "{controller} : une demande de consentement",
        (
            "{controller} : {alias} demande l'accès à votre routeur, pour {minutes} minutes.\n\n"
            "Lisez de quoi il s'agit, puis acceptez ou refusez ici :\n{link}\n\n"
            "Le lien fonctionne une seule fois, dans un seul navigateur. Il est à vous : personne chez {controller} ne "
            "vous le demandera. Si vous ne nous avez pas appelés, refusez ou ne faites rien ; sans votre consentement, "
            "personne ne peut accéder à votre routeur.\n"
        ),
    ),
}

_CODE: Final = {
    "en": (
        "{controller}: your consent code",
        (
            "{controller}: {alias} asks for access to your router, for {minutes} minutes.\n\n"
            "Your code: {code}\n\n"
            "Read it to the rep only if you agree. {scope}"
            "What is recorded, how long it is kept, and how to stop at any moment:\n{link}\n"
        ),
    ),
    "fr": (
        "{controller} : votre code de consentement",
        (
            "{controller} : {alias} demande l'accès à votre routeur, pour {minutes} minutes.\n\n"
            "Votre code : {code}\n\n"
            "Ne le lisez à la personne que si vous acceptez. {scope}"
            "Ce qui est enregistré, combien de temps, et comment arrêter à tout moment :\n{link}\n"
        ),
    ),
}

_SCOPE: Final = {"en": "You then also allow:\n{items}\n\n", "fr": "Vous autorisez alors aussi :\n{items}\n\n"}

_NOTICE: Final = {
    "en": {
        "answer": (
            "{controller}: your question was answered",
            "{controller}: {alias} has answered your question.\n\nRead it on the page you opened before:\n{page}\n",
        ),
        "extension": (
            "{controller}: a further request",
            (
                "{controller}: {alias} asks for more while working on your router.\n\n"
                "Allow or refuse it on the page you opened before:\n{page}\n"
            ),
        ),
    },
    "fr": {
        "answer": (
            "{controller} : réponse à votre question",
            (
                "{controller} : {alias} a répondu à votre question.\n\n"
                "Lisez la réponse sur la page déjà ouverte :\n{page}\n"
            ),
        ),
        "extension": (
            "{controller} : une demande de plus",
            (
                "{controller} : {alias} demande davantage pendant l'intervention sur votre routeur.\n\n"
                "Acceptez ou refusez sur la page déjà ouverte :\n{page}\n"
            ),
        ),
    },
}


def link_message(consent: Consent, to: Contact, controller: str, link: str) -> Message:
    """The one-time link."""
    subject, body = _LINK[consent.language]
    return _message(consent, to, "link", subject, body, controller, link=link)


def code_message(consent: Consent, to: Contact, controller: str, link: str, code: str) -> Message:
    """The one-time code, what reading it out means, and the link under which the consent can be taken back."""
    subject, body = _CODE[consent.language]
    items = "\n".join(f"- {sentence(capability, consent.language)}" for capability in consent.asked)
    scope = _SCOPE[consent.language].format(items=items) if consent.asked else ""
    return _message(consent, to, "code", subject, body, controller, link=link, code=_spaced(code), scope=scope)


def notice_message(consent: Consent, to: Contact, controller: str, about: str, page: str) -> Message:
    """Something on the subscriber's page wants attention: `about` is answer or extension. Holds no secret."""
    subject, body = _NOTICE[consent.language][about]
    return _message(consent, to, "notice", subject, body, controller, page=page)


def _message(
    consent: Consent, to: Contact, kind: str, subject: str, body: str, controller: str, **facts: str
) -> Message:
    words = {"controller": controller, "alias": consent.rep_alias, "minutes": str(consent.minutes), **facts}
    return Message(
        to=to,
        kind=kind,  # type: ignore[arg-type]  # one of the three above
        language=consent.language,
        subject=subject.format_map(words),
        body=body.format_map(words),
    )


def _spaced(code: str) -> str:
    """Easier to read out: groups of four."""
    return " ".join(code[i : i + 4] for i in range(0, len(code), 4))

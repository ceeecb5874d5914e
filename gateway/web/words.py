"""Every word on the subscriber's pages, in English and French. The longest part is data on purpose.

Counterpart: `templates`, which hold no words. What capabilities mean stands in `gateway.policy.capabilities`, the
statement in `gateway.consent.statements`.
"""

from typing import Final

from gateway.consent.model import Language

_WORDS: Final[dict[str, tuple[str, str]]] = {
    # frame
    "site": ("Consent for help at your router", "Consentement pour l'aide sur votre routeur"),
    "skip": ("Skip to the content", "Aller au contenu"),
    "languages": ("Language", "Langue"),
    "statement_link": (
        "What a rep can do, what is recorded, and your rights",
        "Ce que l'assistance peut faire, ce qui est enregistré, et vos droits",
    ),
    "footer": (
        "Without your consent nobody can reach your router.",
        "Sans votre consentement, personne ne peut accéder à votre routeur.",
    ),
    "back_to_case": ("Back to your request", "Retour à votre demande"),
    # opening the link
    "open_title": ("You received a request", "Vous avez reçu une demande"),
    "open_text": (
        (
            "{controller} would like your consent for help at your router. Open the request to read what it is "
            "about; nothing is allowed by opening it."
        ),
        (
            "{controller} souhaite votre consentement pour une aide sur votre routeur. Ouvrez la demande pour lire "
            "de quoi il s'agit ; l'ouvrir n'autorise rien."
        ),
    ),
    "open_once": (
        "The link opens once, in this browser. Afterwards you can come back to the page in this browser.",
        (
            "Le lien s'ouvre une seule fois, dans ce navigateur. Vous pourrez ensuite revenir à la page dans ce "
            "navigateur."
        ),
    ),
    "open_button": ("Open the request", "Ouvrir la demande"),
    "used_title": ("This link was already opened", "Ce lien a déjà été ouvert"),
    "used_text": (
        (
            "It was opened in another browser, or a newer one was sent. If that was not you, have a new link sent: "
            "it goes to the contact we have on file, and the old one stops working."
        ),
        (
            "Il a été ouvert dans un autre navigateur, ou un lien plus récent a été envoyé. Si ce n'était pas "
            "vous, faites envoyer un nouveau lien : il est adressé au contact que nous avons dans votre dossier, "
            "et l'ancien cesse de fonctionner."
        ),
    ),
    "used_button": ("Send me a new link", "M'envoyer un nouveau lien"),
    "sent_title": ("A new link is on its way", "Un nouveau lien est en route"),
    "sent_text": (
        "It goes to the contact we have on file for you. Open it in the browser you want to use.",
        "Il est adressé au contact que nous avons dans votre dossier. Ouvrez-le dans le navigateur de votre choix.",
    ),
    # the request
    "case_title": ("A request for your consent", "Une demande de consentement"),
    "who": ("Who asks", "Qui demande"),
    "who_text": ("{alias}, for {controller}", "{alias}, pour {controller}"),
    "why": ("Why", "Pourquoi"),
    "ticket": ("Ticket", "Dossier"),
    "how_long": ("For how long", "Pour combien de temps"),
    "how_long_text": (
        "{minutes} minutes, {sessions} at most, from the moment you allow it",
        "{minutes} minutes, {sessions} au plus, à partir de votre accord",
    ),
    "session_one": ("1 session", "1 session"),
    "session_many": ("{n} sessions", "{n} sessions"),
    "always_title": ("What comes with your consent", "Ce que votre consentement comprend"),
    "ask_title": ("After the rep confirms each time", "Après confirmation à chaque fois"),
    "answer_by": (
        "You can answer for another {minutes} minutes.",
        "Vous pouvez répondre pendant encore {minutes} minutes.",
    ),
    "never_title": ("What nobody can do", "Ce que personne ne peut faire"),
    "read_statement": ("Read the whole statement", "Lire la déclaration complète"),
    # deciding
    "decide_title": ("Your decision", "Votre décision"),
    "tick_title": (
        "The rep also asks for this. Tick what you allow; leave the rest.",
        "La personne demande aussi ceci. Cochez ce que vous autorisez ; laissez le reste.",
    ),
    "minutes_label": ("Minutes (at most {minutes})", "Minutes (au plus {minutes})"),
    "allow_button": ("Allow", "Autoriser"),
    "deny_button": ("Refuse", "Refuser"),
    "deny_text": ("Refusing has no effect on your contract.", "Un refus n'a aucun effet sur votre contrat."),
    "question_title": ("Ask a question first", "Poser d'abord une question"),
    "question_label": ("Your question", "Votre question"),
    "question_button": ("Send the question", "Envoyer la question"),
    "questions_title": ("Questions and answers", "Questions et réponses"),
    "you_asked": ("You asked", "Vous avez demandé"),
    "answer": ("Answer", "Réponse"),
    "no_answer_yet": ("Not answered yet.", "Pas encore de réponse."),
    # while it runs
    "live_title": ("Your consent is in force", "Votre consentement est en vigueur"),
    "live_text": (
        "{alias} may work on your router for another {minutes} minutes (until {time} UTC).",
        "{alias} peut intervenir sur votre routeur pendant encore {minutes} minutes (jusqu'à {time} UTC).",
    ),
    "live_now": ("A session is open right now.", "Une session est ouverte en ce moment."),
    "live_not_now": ("No session is open at the moment.", "Aucune session n'est ouverte en ce moment."),
    "revoke_button": ("Stop now", "Arrêter maintenant"),
    "revoke_text": (
        "This takes your consent back at once: running sessions are cut, nothing further is sent to your router.",
        (
            "Ceci retire votre consentement immédiatement : les sessions en cours sont coupées, plus rien n'est "
            "envoyé à votre routeur."
        ),
    ),
    "allowed_title": ("What you allowed in addition", "Ce que vous avez autorisé en plus"),
    "allowed_nothing": ("Nothing in addition.", "Rien de plus."),
    "handoff_text": (
        "Help at your computer can only be started by you, at your computer:",
        "Une aide sur votre ordinateur ne peut être lancée que par vous, depuis votre ordinateur :",
    ),
    "handoff_link": ("Start remote assistance yourself", "Lancer vous-même l'assistance à distance"),
    # extension
    "extension_title": ("The rep asks for more", "La personne demande davantage"),
    "extension_minutes": ("{minutes} more minutes", "{minutes} minutes de plus"),
    "extension_allow": ("Allow this", "Autoriser ceci"),
    "extension_refuse": ("Refuse this", "Refuser ceci"),
    "extension_text": (
        "If you refuse, what you allowed before stays as it is.",
        "Si vous refusez, ce que vous avez autorisé auparavant reste inchangé.",
    ),
    # log
    "log_title": ("What was done (times in UTC)", "Ce qui a été fait (heures en UTC)"),
    "log_unavailable": (
        "The log cannot be shown at the moment. Nothing of it is lost.",
        "Le journal ne peut pas être affiché pour le moment. Rien n'en est perdu.",
    ),
    "log_empty": ("Nothing so far.", "Rien pour l'instant."),
    "refresh": ("Show the latest", "Afficher les dernières informations"),
    "follow": ("Keep this page up to date", "Tenir cette page à jour"),
    "unfollow": ("Stop updating this page", "Ne plus actualiser cette page"),
    # afterwards
    "over_title": ("This request is closed", "Cette demande est close"),
    "over_denied": (
        "You refused. Nobody had access to your router under this request.",
        "Vous avez refusé. Personne n'a eu accès à votre routeur au titre de cette demande.",
    ),
    "over_lapsed": (
        "The request was not granted in time. Nobody had access to your router under it.",
        "La demande n'a pas été acceptée à temps. Personne n'a eu accès à votre routeur à ce titre.",
    ),
    "over_revoked": (
        "You took your consent back. Sessions were cut, and nothing further is sent to your router.",
        (
            "Vous avez retiré votre consentement. Les sessions ont été coupées et plus rien n'est envoyé à votre "
            "routeur."
        ),
    ),
    "over_expired": ("The time you granted is over.", "Le temps que vous avez accordé est écoulé."),
    "over_used-up": (
        "All sessions you granted have been used and are over.",
        "Toutes les sessions que vous avez accordées ont été utilisées et sont terminées.",
    ),
    "over_closed": (
        "The rep closed the request; it cannot be used any more.",
        "La personne a clos la demande ; elle ne peut plus servir.",
    ),
    "summary_title": ("Summary", "Résumé"),
    "granted_at": ("Allowed", "Autorisé"),
    "ended_at": ("Ended", "Terminé"),
    "sessions_used": ("Sessions opened", "Sessions ouvertes"),
    "receipt_title": ("Your receipt", "Votre reçu"),
    "receipt_text": (
        (
            "Keep the record of your consent. It names the place of its entry in the sealed log, so that it can be "
            "checked."
        ),
        (
            "Conservez le dossier de votre consentement. Il indique la place de son entrée dans le journal scellé, "
            "afin qu'il puisse être vérifié."
        ),
    ),
    "receipt_link": ("Download the receipt", "Télécharger le reçu"),
    "copy_title": ("Your own copy", "Votre propre copie"),
    "copy_text": (
        (
            "Everything that was recorded under this consent, with the recording and the proof that nothing was "
            "changed. It opens on any computer. Taking it is put on record."
        ),
        (
            "Tout ce qui a été enregistré sous ce consentement, avec l'enregistrement et la preuve que rien n'a été "
            "modifié. Elle s'ouvre sur n'importe quel ordinateur. Son retrait est consigné."
        ),
    ),
    "copy_link": ("Download my copy", "Télécharger ma copie"),
    # problems
    "too_many_copies": (
        "You have just taken a copy. Wait a minute before you take the next one.",
        "Vous venez de prendre une copie. Attendez une minute avant la suivante.",
    ),
    "problem_title": ("That did not work", "Cela n'a pas fonctionné"),
    "not_found": ("There is no such page.", "Cette page n'existe pas."),
    "missing": (
        "This page needs the link that was sent to you. Check that it was copied whole.",
        "Cette page nécessite le lien qui vous a été envoyé. Vérifiez qu'il a été copié en entier.",
    ),
    "too_many_links": (
        "Several links were already sent for this request. Please call us.",
        "Plusieurs liens ont déjà été envoyés pour cette demande. Veuillez nous appeler.",
    ),
    "moved_on": (
        "Things have changed since you opened this page. This is how it stands now.",
        "La situation a changé depuis l'ouverture de cette page. Voici où elle en est.",
    ),
    "bad_form": (
        "This form was not sent from your page, or the page was too old. Nothing was changed. Try again.",
        (
            "Ce formulaire ne provenait pas de votre page, ou la page était trop ancienne. Rien n'a été modifié. "
            "Réessayez."
        ),
    ),
    "bad_minutes": (
        "The number of minutes must be from 1 to {minutes}.",
        "Le nombre de minutes doit être compris entre 1 et {minutes}.",
    ),
    "bad_question": (
        "The question must have between 1 and {length} characters, and at most {count} can be asked.",
        "La question doit compter entre 1 et {length} caractères, et {count} au plus peuvent être posées.",
    ),
    "bad_grant": (
        (
            "This could not be accepted; the page may be out of date. Nothing was changed. Read it again and "
            "decide anew."
        ),
        (
            "Ceci n'a pas pu être accepté ; la page n'est peut-être plus à jour. Rien n'a été modifié. Relisez-la "
            "et décidez à nouveau."
        ),
    ),
    "not_recorded": (
        "Your answer could not be recorded, so it does not count and nothing was changed. Try again in a moment.",
        (
            "Votre réponse n'a pas pu être enregistrée ; elle ne compte donc pas et rien n'a été modifié. "
            "Réessayez dans un instant."
        ),
    ),
    "broken": (
        "Something went wrong on our side. Try again in a moment.",
        "Une erreur s'est produite de notre côté. Réessayez dans un instant.",
    ),
}

LANGUAGE_NAMES: Final[dict[Language, str]] = {"en": "English", "fr": "Français"}


def word(key: str, language: Language, **facts: object) -> str:
    """The text of `key`. KeyError for a key that does not exist: a mistake in a template."""
    english, french = _WORDS[key]
    text = french if language == "fr" else english
    return text.format_map(facts) if facts else text


def keys() -> frozenset[str]:
    """All keys there are."""
    return frozenset(_WORDS)

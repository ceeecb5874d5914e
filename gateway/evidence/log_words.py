"""What was done, in plain words and the past tense: a line for each capability, in English and French.

Counterpart: `gateway.policy.capabilities`, whose sentences ask for what these lines report.
"""

from typing import Final

from gateway.consent.model import Language
from gateway.policy.capabilities import CAPABILITIES

_CONDITION: Final = (
    "looked at the condition of your router and line",
    "a regardé l'état de votre routeur et de la ligne",
)
_COUNTERS: Final = ("reset counters or recorded the dial-in", "a remis à zéro des compteurs ou enregistré la connexion")

_DONE: Final[dict[str, tuple[str, str]]] = {
    "session.control": ("prepared the session", "a préparé la session"),
    "diagnose.read": _CONDITION,
    "diagnose.probe": ("tested the connection to the internet", "a testé la connexion à Internet"),
    "wifi.status.read": ("looked at the quality of your wifi", "a regardé la qualité de votre Wi-Fi"),
    "log.read": ("read the log of your router", "a lu le journal de votre routeur"),
    "wifi.scan": ("measured the wifi networks around", "a mesuré les réseaux Wi-Fi alentour"),
    "service.restart": ("restarted the connection or the wifi", "a redémarré la connexion ou le Wi-Fi"),
    "iface.write": ("changed connection settings", "a modifié des réglages de connexion"),
    "wifi.radio.write": ("changed channel or power of your wifi", "a modifié le canal ou la puissance de votre Wi-Fi"),
    "config.commit": ("saved the changes", "a enregistré les modifications"),
    "counters.clear": _COUNTERS,
    "debug.run": _COUNTERS,
    "config.read": ("looked at the settings of your router", "a regardé les réglages de votre routeur"),
    "wifi.credentials.read": ("looked at your wifi password", "a regardé le mot de passe de votre Wi-Fi"),
    "wifi.credentials.write": ("set a new wifi password", "a défini un nouveau mot de passe Wi-Fi"),
    "wifi.ssid.write": ("changed the name of your wifi", "a changé le nom de votre Wi-Fi"),
    "admin.password.write": (
        "set a new password for the router's settings page",
        "a défini un nouveau mot de passe pour la page de réglages du routeur",
    ),
    "lan.hosts.read": ("looked at the list of your devices", "a regardé la liste de vos appareils"),
    "lan.hosts.probe": ("checked whether one of your devices answers", "a vérifié si l'un de vos appareils répond"),
    "lan.activity.read": (
        "looked at the open connections of your devices",
        "a regardé les connexions ouvertes de vos appareils",
    ),
    "lan.config.write": (
        "changed the addresses in your home network",
        "a modifié les adresses de votre réseau domestique",
    ),
    "dns.change": ("set the provider's name servers", "a configuré les serveurs de noms du fournisseur"),
    "device.reboot": ("restarted your router", "a redémarré votre routeur"),
    "device.firmware": ("installed approved software", "a installé un logiciel approuvé"),
    "device.factory_reset": ("reset your router", "a réinitialisé votre routeur"),
}

_OTHER: Final = ("worked on your router", "est intervenu sur votre routeur")
_NEVER: Final = (
    "tried something nobody may do: blocked. {rule}",
    "a tenté une action que personne ne peut faire : bloqué. {rule}",
)
_NOT_GRANTED: Final = (
    "tried something you did not allow: blocked ({rule})",
    "a tenté une action que vous n'avez pas autorisée : bloqué ({rule})",
)
_MISTYPED: Final = (
    "typed something that was not understood: not sent",
    "a saisi une commande qui n'a pas été comprise : non envoyée",
)

_EVENTS: Final[dict[str, tuple[str, str]]] = {
    "opened": ("session opened", "session ouverte"),
    "closed": ("session over", "session terminée"),
    "killed": ("session cut", "session coupée"),
    "attempt": (
        "tried to go further than your router: refused",
        "a tenté d'aller plus loin que votre routeur : refusé",
    ),
    "watched": ("a supervisor watches", "un superviseur regarde"),
    "granted": ("you gave your consent", "vous avez donné votre consentement"),
    "extended": ("you allowed more", "vous avez autorisé davantage"),
    "not_extended": ("you refused more", "vous avez refusé davantage"),
    "revoked": ("you took your consent back", "vous avez retiré votre consentement"),
    "over": ("the consent ended", "le consentement a pris fin"),
}


def done(capability: str, language: Language) -> str:
    """A command that was sent."""
    return _pick(_DONE.get(capability, _OTHER), language)


def blocked(why: str, capability: str, language: Language) -> str:
    """A line that was refused; `why` as in `gateway.policy.verdict.DenyKind`."""
    known = CAPABILITIES.get(capability)
    rule = known.sentence(language) if known is not None else ""
    if why == "never" and rule:
        return _pick(_NEVER, language).format(rule=rule)
    if why == "scope" and rule:
        return _pick(_NOT_GRANTED, language).format(rule=rule)
    return _pick(_MISTYPED, language)


def event(name: str, language: Language) -> str:
    """Something that happened to the consent or a session."""
    return _pick(_EVENTS[name], language)


def _pick(pair: tuple[str, str], language: Language) -> str:
    return pair[1] if language == "fr" else pair[0]

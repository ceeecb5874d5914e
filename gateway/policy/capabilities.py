"""Every capability there is: its class, and the sentence the subscriber reads. Counterpart: the consent statement.

`always` comes with every consent; `ask` too, but the rep confirms each use; `scope` only if the subscriber ticked it;
`never` cannot be granted by anyone. The order within a class is the order in which people read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from gateway.policy.verdict import CapabilityClass, Rights

Language = Literal["en", "fr"]


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing a line can do. `en` and `fr` are what the subscriber reads, whole sentences."""

    name: str
    kind: CapabilityClass
    en: str
    fr: str
    confirm: bool = False
    """The rep confirms each use although the class alone does not ask for it (the router goes down)."""
    refusal: str = ""
    """What the rep reads when a line is refused for this, if the table says nothing better."""

    def sentence(self, language: Language) -> str:
        """What the subscriber reads in `language`."""
        return self.fr if language == "fr" else self.en


_CONDITION = ("See the condition of your router and of your line.", "Voir l'état de votre routeur et de votre ligne.")
_COUNTERS = (
    "Reset counters of the router; record the dial-in for a test.",
    "Remettre à zéro des compteurs du routeur ; enregistrer la connexion pour un test.",
)

_GRANTABLE: Final = (
    Capability("session.control", "always", *_CONDITION),
    Capability("diagnose.read", "always", *_CONDITION),
    Capability(
        "diagnose.probe",
        "always",
        "Test the connection from your router to the internet.",
        "Tester la connexion de votre routeur à Internet.",
    ),
    Capability(
        "wifi.status.read",
        "always",
        "See channel and quality of your wifi, not its password.",
        "Voir le canal et la qualité de votre Wi-Fi, pas son mot de passe.",
    ),
    Capability("log.read", "always", "Read the log of your router.", "Lire le journal de votre routeur."),
    Capability(
        "wifi.scan",
        "ask",
        "Measure which wifi networks are around; your wifi may pause for some seconds.",
        "Mesurer les réseaux Wi-Fi alentour ; votre Wi-Fi peut s'interrompre quelques secondes.",
    ),
    Capability(
        "service.restart",
        "ask",
        "Restart the internet connection or the wifi, with a short interruption.",
        "Redémarrer la connexion Internet ou le Wi-Fi, avec une courte interruption.",
    ),
    Capability(
        "iface.write",
        "ask",
        "Change connection settings of the router.",
        "Modifier des réglages de connexion du routeur.",
    ),
    Capability(
        "wifi.radio.write",
        "ask",
        "Change channel and power of your wifi.",
        "Modifier le canal et la puissance de votre Wi-Fi.",
    ),
    Capability("config.commit", "ask", "Save the changes.", "Enregistrer les modifications."),
    Capability("counters.clear", "ask", *_COUNTERS),
    Capability("debug.run", "ask", *_COUNTERS),
    Capability(
        "config.read",
        "scope",
        "See the settings of your router, including stored keys.",
        "Voir les réglages de votre routeur, y compris les clés enregistrées.",
    ),
    Capability("wifi.credentials.read", "scope", "See your wifi password.", "Voir le mot de passe de votre Wi-Fi."),
    Capability(
        "wifi.credentials.write",
        "scope",
        "Set a new wifi password; your devices must log in again.",
        "Définir un nouveau mot de passe Wi-Fi ; vos appareils devront se reconnecter.",
    ),
    Capability("wifi.ssid.write", "scope", "Change the name of your wifi.", "Changer le nom de votre Wi-Fi."),
    Capability(
        "admin.password.write",
        "scope",
        "Set a new password for the router's own settings page.",
        "Définir un nouveau mot de passe pour la page de réglages du routeur.",
    ),
    Capability(
        "lan.hosts.read",
        "scope",
        "See the list of devices in your home.",
        "Voir la liste des appareils de votre domicile.",
    ),
    Capability(
        "lan.hosts.probe",
        "scope",
        "Check whether one of your devices answers.",
        "Vérifier si l'un de vos appareils répond.",
    ),
    Capability(
        "lan.activity.read",
        "scope",
        "See which connections your devices have open.",
        "Voir les connexions ouvertes par vos appareils.",
    ),
    Capability(
        "lan.config.write",
        "scope",
        "Change the addresses in your home network.",
        "Modifier les adresses de votre réseau domestique.",
    ),
    Capability(
        "dns.change",
        "scope",
        "Set the provider's name servers.",
        "Configurer les serveurs de noms du fournisseur.",
    ),
    Capability(
        "device.reboot",
        "scope",
        "Restart your router; internet is off for some minutes.",
        "Redémarrer votre routeur ; Internet est coupé quelques minutes.",
        confirm=True,
    ),
    Capability(
        "device.firmware",
        "scope",
        "Install the provider's approved software.",
        "Installer le logiciel approuvé par le fournisseur.",
        confirm=True,
    ),
    Capability(
        "device.factory_reset",
        "scope",
        "Reset your router; all your settings are lost.",
        "Réinitialiser votre routeur ; tous vos réglages sont perdus.",
        confirm=True,
    ),
)

# For each family of things that cannot be granted: what the subscriber reads in English, what the rep reads, what the
# subscriber reads in French, and the capabilities it stands for.
_NEVER: Final = (
    (
        "We cannot log in to, wake or search your computers and devices, or open your files and disks.",
        "This session reaches the router and no further: no onward login, no scan, no wake-up.",
        "Nous ne pouvons ni utiliser, ni réveiller, ni explorer vos appareils, ni ouvrir vos fichiers et vos disques.",
        "pivot.ssh pivot.telnet pivot.other pivot.scan pivot.wol lan.storage home.private",
    ),
    (
        "We cannot record what you send or receive.",
        "What the subscriber's devices send cannot be captured or mirrored.",
        "Nous ne pouvons pas enregistrer ce que vous envoyez ou recevez.",
        "capture.traffic capture.mirror",
    ),
    (
        "We cannot copy files from or into your home.",
        "Files and output cannot be copied to or from the router here.",
        "Nous ne pouvons copier aucun fichier depuis ou vers votre domicile.",
        "exfil.redirect exfil.transfer fetch.remote file.read file.write device.firmware_untrusted",
    ),
    (
        "We cannot open your home to the internet or leave an entrance for later.",
        "Nothing may be opened towards the home or left behind as an entrance.",
        "Nous ne pouvons ni ouvrir votre domicile à Internet, ni laisser une porte d'entrée pour plus tard.",
        "nat.portforward firewall.tamper pivot.tunnel persist.key persist.service persist.user",
    ),
    (
        "We cannot redirect where your devices go.",
        "The way of the subscriber's traffic and names cannot be changed here.",
        "Nous ne pouvons pas détourner les connexions de vos appareils.",
        "lan.hijack route.write",
    ),
    (
        "Only commands that we can read and check are sent; nothing runs after the session.",
        "Only single commands that the gateway can read are sent; no scripts, shells or timers.",
        "Seules des commandes que nous pouvons lire et vérifier sont envoyées ; rien ne s'exécute après la session.",
        "scheduler script.exec shell.escape alias.define parse.invalid parse.multiline unknown.command",
    ),
    (
        "We cannot switch off records, protection or the router itself.",
        "Records, protection and management access of the router stay as they are.",
        "Nous ne pouvons désactiver ni les enregistrements, ni la protection, ni le routeur lui-même.",
        "log.tamper mgmt.tamper priv.escalate device.destroy device.poweroff debug.hazard config.bulk",
    ),
)

CAPABILITIES: Final[Mapping[str, Capability]] = MappingProxyType(
    {c.name: c for c in _GRANTABLE}
    | {
        name: Capability(name, "never", en, fr, refusal=refusal)
        for en, refusal, fr, names in _NEVER
        for name in names.split()
    }
)
"""All of them by name, grantable ones first."""

SCOPE: Final[tuple[str, ...]] = tuple(c.name for c in _GRANTABLE if c.kind == "scope")
"""The names a subscriber can tick, in reading order."""

WEIGHT: Final[Mapping[CapabilityClass, int]] = MappingProxyType({"always": 0, "ask": 1, "scope": 2, "never": 3})
"""How heavy a class is: the heaviest part of a line decides."""


def granted(name: str, rights: Rights) -> bool:
    """Whether nothing of the subscriber is missing for the capability `name`: not a `scope` one, or covered."""
    return CAPABILITIES[name].kind != "scope" or rights.covers(name)


def weight(name: str) -> int:
    """Weight of the capability `name`; a name that is not in the list weighs as much as one that is never granted."""
    capability = CAPABILITIES.get(name)
    return WEIGHT["never"] if capability is None else WEIGHT[capability.kind]


def never_sentences(language: Language) -> tuple[str, ...]:
    """What no consent can allow, in words for the subscriber, one sentence per family."""
    return tuple(fr if language == "fr" else en for en, _, fr, _ in _NEVER)

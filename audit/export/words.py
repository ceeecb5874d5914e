"""Every word of a bundle's pages, in English and French. Data on purpose. Counterpart: `audit.export.templates`."""

from collections.abc import Mapping
from typing import Final

from audit.exchanges import Exchange
from config.counting import entries

LANGUAGES: Final = ("en", "fr")

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "language": ("English", "Français"),
    "title_court": ("Evidence of remote router access", "Preuve d'accès à distance à un routeur"),
    "title_subscriber": ("Your copy: remote access to your router", "Votre copie : accès à distance à votre routeur"),
    "title_auditor": ("Proofs from a log of remote router access", "Preuves tirées d'un journal d'accès à distance"),
    "not_recorded": (
        (
            "This bundle was made from a copy of the log, without the gateway. The log does not know of it, and "
            "nobody signed its table of contents. What is proved below is proved all the same; that nothing was "
            "left out is not."
        ),
        (
            "Ce dossier a été fait à partir d'une copie du journal, sans la passerelle. Le journal n'en sait rien"
            " et personne n'a signé sa table des matières. Ce qui est prouvé ci-dessous l'est tout de même ; que "
            "rien n'a été omis ne l'est pas."
        ),
    ),
    "what_title": ("What this is", "De quoi il s'agit"),
    "what_text": (
        (
            "Technicians of {controller} can work on a customer's router from afar only through a gateway. The "
            "gateway writes down every command before it is sent, in a log that can only grow. This folder is a "
            "part of that log, with everything needed to check it without trusting {controller}."
        ),
        (
            "Les techniciens de {controller} ne peuvent intervenir à distance sur le routeur d'un client qu'en "
            "passant par une passerelle. Celle-ci note chaque commande avant de l'envoyer, dans un journal auquel"
            " on peut seulement ajouter. Ce dossier est une partie de ce journal, avec tout ce qu'il faut pour la"
            " vérifier sans devoir faire confiance à {controller}."
        ),
    ),
    "who_title": ("Who made it, and why", "Qui l'a fait, et pourquoi"),
    "made_at": ("Made", "Fait le"),
    "made_by": ("By", "Par"),
    "for": ("For", "Pour"),
    "for_court": ("a court, the police or a regulator", "un tribunal, la police ou un régulateur"),
    "for_subscriber": ("the subscriber", "l'abonné"),
    "for_auditor": ("an auditor", "un auditeur"),
    "basis": ("Basis", "Fondement"),
    "approvals": ("Approvals", "Approbations"),
    "log": ("Log", "Journal"),
    "log_size": ("{entries} when this was made", "{entries} lors de la création"),
    "role_subscriber": ("the subscriber", "l'abonné"),
    "role_operator": ("an operator", "un exploitant"),
    "role_supervisor": ("a supervisor", "un superviseur"),
    "role_auditor": ("an auditor", "un auditeur"),
    "role_copy": ("somebody with a copy of the log", "quelqu'un disposant d'une copie du journal"),
    "role_other": ("a member of staff", "un membre du personnel"),
    "proven_title": ("What is proven, and what is not", "Ce qui est prouvé, et ce qui ne l'est pas"),
    "proven_1": (
        (
            "Every entry shown here stands in the log, exactly as it is here, and has not been changed since the "
            "log was signed at the size given above."
        ),
        (
            "Chaque entrée montrée ici figure dans le journal, exactement telle quelle, et n'a pas été modifiée "
            "depuis que le journal a été signé à la taille indiquée ci-dessus."
        ),
    ),
    "proven_2": (
        "A session marked complete has all its entries, from the first to its end: none was taken out.",
        ("Une session marquée complète comporte toutes ses entrées, de la première à la fin : aucune n'a été retirée."),
    ),
    "proven_3": (
        ("Where independent witnesses have countersigned, {controller} cannot have shown others a different log."),
        (
            "Là où des témoins indépendants ont contresigné, {controller} ne peut pas avoir montré un autre "
            "journal à d'autres."
        ),
    ),
    "proven_4": (
        (
            "Not proven: that nobody reached the router by another way than the gateway, and that the router did "
            "what it was told."
        ),
        (
            "N'est pas prouvé : que personne n'a atteint le routeur par un autre chemin que la passerelle, ni que"
            " le routeur a fait ce qu'on lui demandait."
        ),
    ),
    "hidden_title": ("What is hidden, and why", "Ce qui est caché, et pourquoi"),
    "hidden_text": (
        (
            "Each entry has an open half and closed parts. A closed part is not in this folder; the entry holds a"
            " fingerprint of it, so it can be shown later and recognised, but nobody can guess it from the "
            "fingerprint."
        ),
        (
            "Chaque entrée a une moitié ouverte et des parties fermées. Une partie fermée n'est pas dans ce "
            "dossier ; l'entrée en contient une empreinte, si bien qu'elle peut être montrée plus tard et "
            "reconnue, mais personne ne peut la deviner à partir de l'empreinte."
        ),
    ),
    "hidden_none": ("Nothing was left closed.", "Rien n'a été laissé fermé."),
    "part_who": ("who acted: name, address, device", "qui a agi : nom, adresse, appareil"),
    "part_subj": ("whom it concerns: subscriber, router, case", "qui est concerné : abonné, routeur, dossier"),
    "part_act": ("what was typed", "ce qui a été saisi"),
    "part_out": ("what the router answered", "ce que le routeur a répondu"),
    "part_rec": ("the recording of the screen", "l'enregistrement de l'écran"),
    "what_session": ("a session", "une session"),
    "what_entries": ("later entries of a session", "les entrées suivantes d'une session"),
    "why_undisclosed": ("not laid open for this purpose", "non communiqué à cette fin"),
    "why_erased": ("lawfully erased; the log says when and on what basis", "effacé légalement ; le journal dit quand"),
    "why_unreadable": ("its key is not at hand", "sa clé n'est pas disponible"),
    "why_damaged": (
        "what is stored is not what the log names",
        "ce qui est conservé n'est pas ce que nomme le journal",
    ),
    "why_running": ("the session had not ended", "la session n'était pas terminée"),
    "why_absent": ("not stored", "non conservé"),
    "why_beyond": ("written after the signature used here", "écrit après la signature utilisée ici"),
    "entry": ("entry", "entrée"),
    "chunk": ("piece", "morceau"),
    "see": ("see entry", "voir entrée"),
    "sessions_title": ("The sessions", "Les sessions"),
    "session": ("Session", "Session"),
    "started": ("Began", "Début"),
    "ended": ("Ended", "Fin"),
    "rep": ("Technician", "Technicien"),
    "rep_unknown": ("not named here", "non nommé ici"),
    "complete": ("complete: {entries}, none missing", "complète : {entries}, aucune ne manque"),
    "incomplete": (
        "not complete: {entries}; the reason stands under “What is hidden”",
        "incomplète : {entries} ; la raison figure sous « Ce qui est caché »",
    ),
    "commands": ("Commands sent: {n}. Lines refused: {m}", "Commandes envoyées : {n}. Lignes refusées : {m}"),
    "col_time": ("Time (UTC)", "Heure (UTC)"),
    "col_verdict": ("Verdict", "Décision"),
    "col_typed": ("What was typed", "Ce qui a été saisi"),
    "col_result": ("Result", "Résultat"),
    "rpcs": ("TR-069 requests: {n}", "Requêtes TR-069 : {n}"),
    "rpc_asked": ("names asked or written: {n}", "noms demandés ou écrits : {n}"),
    "rpc_came": ("came: {n}", "reçus : {n}"),
    "rpc_hidden": ("hidden: {n}", "cachés : {n}"),
    "rpc_masked": ("masked: {n}", "masqués : {n}"),
    "rpc_fault": ("fault {n}", "erreur {n}"),
    "rpc_lost": ("connection lost", "connexion perdue"),
    "rpc_unanswered": ("no answer on record", "aucune réponse enregistrée"),
    "sent": ("sent", "envoyée"),
    "refused": ("refused, not sent", "refusée, non envoyée"),
    "closed_text": ("(closed)", "(fermé)"),
    "watch": ("Watch the recordings: open player.html.", "Voir les enregistrements : ouvrez player.html."),
    "plain_title": ("What was done, in plain words", "Ce qui a été fait, en clair"),
    "check_title": ("How to check this yourself", "Comment le vérifier vous-même"),
    "check_text": (
        "You need a computer with Python 3.9 or newer and nothing else; no connection to the internet.",
        "Il faut un ordinateur avec Python 3.9 ou plus récent et rien d'autre ; aucune connexion à Internet.",
    ),
    "check_1": (
        (
            "Get the file policy.txt from somebody you trust who is not the maker of this folder: a witness, a "
            "regulator, your lawyer. It names the key of the log and its witnesses. The policy.txt in this folder"
            " is only what the maker says."
        ),
        (
            "Procurez-vous le fichier policy.txt auprès de quelqu'un de confiance autre que l'auteur de ce "
            "dossier : un témoin, un régulateur, votre avocat. Il nomme la clé du journal et ses témoins. Le "
            "policy.txt de ce dossier est seulement ce que dit l'auteur."
        ),
    ),
    "check_2": (
        (
            "Put three files into an empty folder: the zip file you were given, under the name bundle.zip; that "
            "policy.txt; and vestibule-verify.py, which is inside the zip file. Open a terminal (command prompt) "
            "in that folder."
        ),
        (
            "Placez trois fichiers dans un répertoire vide : le fichier zip reçu, sous le nom bundle.zip ; ce "
            "policy.txt ; et vestibule-verify.py, qui se trouve dans le fichier zip. Ouvrez un terminal (invite "
            "de commandes) dans ce répertoire."
        ),
    ),
    "check_3": (
        (
            "Type this and read what it says. The last line is the verdict; it never says just “OK”, it says what"
            " was looked at."
        ),
        (
            "Tapez ceci et lisez le résultat. La dernière ligne est le verdict ; il ne dit jamais simplement « OK"
            " », il dit ce qui a été examiné."
        ),
    ),
    "check_note": (
        (
            "On Windows type py instead of python3. The checking program is a single readable file without "
            "secrets; the same file can be had from the publishers of Vestibule, if you do not want to take it "
            "from here."
        ),
        (
            "Sous Windows, tapez py au lieu de python3. Le programme de vérification est un seul fichier lisible,"
            " sans secret ; on peut l'obtenir auprès des éditeurs de Vestibule si vous ne voulez pas prendre "
            "celui-ci."
        ),
    ),
    "files_title": ("What the files are", "À quoi servent les fichiers"),
    "file_entries": (
        "the entries: when, what kind, which verdict; no names",
        "les entrées : quand, quel type, quelle décision ; aucun nom",
    ),
    "file_proofs": (
        "for each entry, the proof that it stands in the log",
        "pour chaque entrée, la preuve qu'elle figure dans le journal",
    ),
    "file_disclosed": ("the parts that are laid open", "les parties communiquées"),
    "file_recording": ("recordings of the technician's screen", "enregistrements de l'écran du technicien"),
    "file_manifest": (
        "table of contents with fingerprints, signed; its fingerprint stands in the log too",
        "table des matières avec empreintes, signée ; son empreinte figure aussi dans le journal",
    ),
    "file_custody": ("who made this bundle and why", "qui a fait ce dossier et pourquoi"),
    "player_hint": (
        "Select a line to jump to its moment. Long pauses are shortened to two seconds.",
        "Choisissez une ligne pour aller à son moment. Les longues pauses sont réduites à deux secondes.",
    ),
    "player_list": ("Lines of the session", "Lignes de la session"),
}

_OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "done": ("done", "exécutée"),
    "refused": ("refused", "refusée"),
    "failed": ("failed", "échec"),
    "timeout": ("no answer in time", "pas de réponse à temps"),
    "interrupted": ("interrupted", "interrompue"),
    "unknown": ("no result on record", "aucun résultat enregistré"),
}


def words_in(language: str) -> Mapping[str, str]:
    """All words of one language."""
    at = LANGUAGES.index(language)
    return {name: pair[at] for name, pair in _WORDS.items()}


def outcome_word(outcome: str, language: str) -> str:
    """What became of a line; a word that is not known stands as it is."""
    pair = _OUTCOMES.get(outcome)
    return outcome if pair is None else pair[LANGUAGES.index(language)]


def rpc_words(one: Exchange, language: str) -> str:
    """What the heads tell of an RPC and its answer."""
    words = words_in(language)
    counts = {"rpc_asked": one.asked, "rpc_fault": one.fault, "rpc_came": one.came}
    told = [words[name].format(n=count) for name, count in counts.items() if count is not None]
    withheld = {"rpc_hidden": one.hidden, "rpc_masked": one.masked}
    told += [words[name].format(n=count) for name, count in withheld.items() if count]
    if one.result is None or one.lost:
        told.append(words["rpc_lost" if one.lost else "rpc_unanswered"])
    return ", ".join(told)


def entries_word(number: int, language: str) -> str:
    """How many entries, in words of the language; in French nothing counts as one."""
    if language == "fr":
        return f"{number} entrée" if number < 2 else f"{number} entrées"
    return entries(number)

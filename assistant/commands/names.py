"""What can be typed instead of a question: the names of the commands, and which one a message means. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from datalayer.text import fold, normal

from ..texts import Language


@dataclass(frozen=True, slots=True)
class Command:
    key: str
    en: str
    """Its name in English, as it is typed after the slash."""
    fr: str
    """Its name in French."""
    icon: str
    """A name of https://lucide.dev/icons."""
    words: tuple[str, ...] = ()
    """What means it without a slash, folded."""
    others: tuple[str, ...] = ()
    """Further names after the slash."""
    about: bool = False
    """Whether it takes words after its name."""
    anywhere: bool = False
    """Whether a conversation that is not stored can have it."""

    def name(self, to: Language) -> str:
        return self.fr if to == "fr" else self.en

    @property
    def names(self) -> tuple[str, ...]:
        return self.en, self.fr, *self.others


_HISTORY = ("historique", "mes discussions", "sessions", "history", "my chats")
COMMANDS = (
    Command("sessions", "sessions", "sessions", "layers", _HISTORY, ("historique", "history"), anywhere=True),
    Command("threads", "threads", "discussions", "messages-square", anywhere=True),
    Command("search", "search", "chercher", "search", about=True, anywhere=True),
    Command("info", "info", "infos", "info"),
    Command("usage", "usage", "consommation", "chart-column", anywhere=True),
    Command("rename", "rename", "renommer", "pencil", about=True),
    Command("pin", "pin", "épingler", "pin"),
    Command("archive", "archive", "archiver", "archive"),
    Command("done", "done", "terminer", "circle-check"),
    Command("tag", "tag", "étiquette", "tag", others=("tags", "étiquettes"), about=True),
    Command("folder", "folder", "dossier", "folder", about=True),
    Command("files", "files", "fichiers", "paperclip", about=True, anywhere=True),
    Command("fork", "fork", "dupliquer", "git-fork", about=True),
    Command("merge", "merge", "fusionner", "git-merge", about=True),
    Command("versions", "versions", "versions", "history", about=True),
    Command("share", "share", "partager", "share-2"),
    Command("export", "export", "exporter", "download", about=True, anywhere=True),
    Command("import", "import", "importer", "import", about=True, anywhere=True),
    Command("trash", "trash", "corbeille", "trash-2", about=True, anywhere=True),
    Command("clear", "clear", "oublier", "eraser", anywhere=True),
    Command("summary", "summary", "résumé", "scroll-text", others=("resume",)),
    Command("help", "help", "aide", "circle-help", anywhere=True),
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that was typed or picked."""

    name: str
    command: Command | None
    """None: there is none of this name."""
    nearest: Command | None
    """What may have been meant, None: nothing is like it."""
    words: str = ""
    """What follows the name."""
    picked: bool = False
    """Whether it was chosen in Chainlit's menu."""

    @property
    def key(self) -> str:
        """What a message that means it is marked with."""
        return self.command.key if self.command else self.name


# A word after a slash, alone or before a space: "/etc/hosts" is no command, nor is a word longer than any name.
_SLASH = re.compile(r"/([^\W\d_][\w-]{0,40})(?:\s+(.*))?", re.DOTALL)


def title(typed: Typed) -> str:
    """What a conversation that begins with a command is called until there is a question. Without its words: a search
    would find what was searched for."""
    return f"/{typed.name}"


def is_title(name: str) -> bool:
    """Whether a conversation may be called so after a command."""
    return (typed := _SLASH.fullmatch(name)) is not None and not typed[2]


def recognise(text: str, picked: str | None = None, files: bool = False) -> Typed | None:
    """The command that a message means; None: it is a question. ``picked``: the name chosen in Chainlit's menu, which
    leaves what was typed before: a command that was typed is meant instead, and what takes no words was picked by
    mistake where there are any. ``files``: whether some come with it."""
    said = normal("NFC", text.strip())  # an accent of its own is no letter of a name
    if typed := _SLASH.fullmatch(said):
        return _typed(typed[1], (typed[2] or "").strip())
    if picked := (picked or "")[:40]:
        found = _called(picked)
        if found and not found.about and (said or files):
            return None
        return Typed(picked, found, found or _nearest(picked), said, picked=True)
    folded = " ".join(fold(said).split()) if len(said) <= 100 else ""
    return next((Typed(folded, command, command) for command in COMMANDS if folded in command.words), None)


def _typed(name: str, words: str) -> Typed:
    found = _called(name)
    if found and (again := _SLASH.fullmatch(words)) and _called(again[1]) is found:  # its name was typed twice
        words = (again[2] or "").strip()
    return Typed(name, found, found or _nearest(name), words)


def _called(name: str) -> Command | None:
    return next((command for command in COMMANDS if fold(name) in map(fold, command.names)), None)


_ALIKE = 0.7
"""SequenceMatcher's ratio from which a word is a slip for a name: one letter more, less or other in most names."""


def _nearest(name: str) -> Command | None:
    """The command whose name begins so, else the one whose name is almost that."""
    typed = fold(name)
    if begun := next((each for each in COMMANDS if any(known.startswith(typed) for known in _folded(each))), None):
        return begun

    def likeness(command: Command) -> float:
        return max(SequenceMatcher(None, typed, each).ratio() for each in _folded(command))

    found = max(COMMANDS, key=likeness)
    return found if likeness(found) >= _ALIKE else None


def _folded(command: Command) -> Iterator[str]:
    return map(fold, command.names)

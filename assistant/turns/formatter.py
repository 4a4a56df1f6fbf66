"""The canned formatter: an answer without any model. Pure; its words are in ``texts``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from datalayer.records import Message
from datalayer.text import fold, one_line

from ..marks import FALLBACK, is_command
from ..models.base import Reason
from ..texts import Language, date, moment, say
from ..texts.markdown import escape, plain

Fallback = Reason | Literal["no_key", "no_key_team", "offline"]

_SHOWN, _FILES_SHOWN = 4, 3
_SNIPPET = 160
_WORD = re.compile(r"\w+")
# Words that say nothing of a question's subject: articles, pronouns, question words, auxiliaries.
COMMON = frozenset(
    fold(
        """
        about also and any are but can could did does for from had has have her his how into its just like more not one
        our out please she should some tell that the their them then there they this was were what when where which who
        why will with would you your
        alors aux avec avez avoir bien ces cet cette comme comment dans des donc elle elles est était être fait faire
        ils leur leurs les lui mais mes moi mon nos notre nous ont par pas peux peut plus pour pourquoi quand que quel
        quelle quels qui quoi sans ses son sont suis sur tes toi ton tous tout très une vos votre vous
        """
    ).split()
)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the user's."""

    name: str
    url: str
    """Where it is served."""
    text: str
    """What can be read of it, "": nothing."""
    thread_id: str
    thread_name: str | None


@dataclass(frozen=True, slots=True)
class Match:
    message: Message
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class FileMatch:
    file: StoredFile
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What the stored history says to a question, the best first."""

    messages: tuple[Match, ...] = ()
    files: tuple[FileMatch, ...] = ()


def search(question: str, history: Iterable[Message], files: Iterable[StoredFile]) -> Found:
    """What of ``history`` and ``files`` (newest first) shares words with ``question``."""
    asked = frozenset(word for word in _words(question) if len(word) > 2 and word not in COMMON)
    return Found(_find_messages(asked, history), _find_files(asked, files)) if asked else Found()


def _find_messages(asked: frozenset[str], history: Iterable[Message]) -> tuple[Match, ...]:
    """The best message of each thread, those with the most words first, at most 4."""
    best: dict[str, Match] = {}
    for message in history:
        if message.metadata.get(FALLBACK) or is_command(message.metadata):
            continue  # the app's own words, and what was typed to have them, are no memory of the user's
        shared = frozenset(asked & _words(message.text))
        if shared and len(shared) > len(best.get(message.thread_id, Match(message, frozenset())).words):
            best[message.thread_id] = Match(message, shared)
    return tuple(sorted(best.values(), key=lambda match: -len(match.words))[:_SHOWN])


def _find_files(asked: frozenset[str], files: Iterable[StoredFile]) -> tuple[FileMatch, ...]:
    matches = (FileMatch(file, asked & (_words(file.name) | _words(file.text))) for file in files)
    found = [match for match in matches if match.words]
    return tuple(sorted(found, key=lambda match: -len(match.words))[:_FILES_SHOWN])


def format_response(
    reason: Fallback,
    model: str,
    found: Found | None,
    to: Language,
    root: str = "",
    back_in: float | None = None,
    broke_off: bool = False,
) -> str:
    """The answer in Markdown: why no model wrote it and when one will, then what the stored history says, with links.

    ``model``: its label. ``root``: the path the app is mounted under, without a trailing slash. ``back_in``: seconds
    until the model is back, None when nobody knows. ``found`` None: it was not asked. ``broke_off``: it goes on behind
    the beginning of an answer.
    """
    parts = [say("broke_off" if broke_off else "without_model", to, why=say(reason, to, model=model))]
    if back_in is not None:
        at = datetime.now().astimezone() + timedelta(seconds=back_in)
        parts[0] += " " + say("back", to, when=moment(at, to))
    if found is None:
        return parts[0]
    if found.messages:
        parts += [say("found", to), "\n".join(_line(match, to, root) for match in found.messages)]
    if found.files:
        parts += [say("found_files", to), "\n".join(_file_line(match, to, root) for match in found.files)]
    if not (found.messages or found.files):
        parts.append(say("found_nothing", to))
    return "\n\n".join(parts)


def _line(match: Match, to: Language, root: str) -> str:
    message = match.message
    name = message.thread_name or say("untitled", to)
    when = date(datetime.fromtimestamp(message.created_at / 1e6), to)
    line = f"- [{escape(name)}]({root}/thread/{message.thread_id}) ({when})"
    snippet = _snippet(plain(message.text), match.words)
    if snippet == name:  # a conversation is named after its first message
        return line
    return line + _quoted(snippet, to)


def _file_line(match: FileMatch, to: Language, root: str) -> str:
    file = match.file
    name = escape(file.thread_name or say("untitled", to))
    thread = say("in_thread", to, thread=f"[{name}]({root}/thread/{file.thread_id})")
    line = f"- [{escape(file.name)}]({file.url}) {thread}"
    return line + (_quoted(_snippet(file.text, match.words), to) if match.words & _words(file.text) else "")


def _quoted(snippet: str, to: Language) -> str:
    return (" — " if to == "en" else " – ") + say("quote", to, text=escape(snippet))


def _words(value: str) -> set[str]:
    return set(_WORD.findall(fold(value)))


def _snippet(value: str, words: frozenset[str]) -> str:
    """At most 160 characters of ``value``, on one line, around the first of ``words``."""
    line = one_line(value)
    if len(line) <= _SNIPPET:
        return line
    first = next((m.start() for m in _WORD.finditer(line) if fold(m.group()) in words), 0)
    start = max(0, min(first - _SNIPPET // 3, len(line) - _SNIPPET))
    piece = line[start : start + _SNIPPET]
    if start:
        piece = "…" + piece[piece.find(" ") + 1 :]
    return piece if start + _SNIPPET >= len(line) else piece[: piece.rfind(" ")] + "…"

"""The canned formatter: an answer without any model. Pure; its words are in ``texts``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from datalayer.records import Message
from datalayer.text import fold, one_line

from ..texts import Language, date, say

Reason = Literal["no_key", "offline", "quota", "unavailable", "refused", "cut_off"]

_SHOWN = 4
_SNIPPET = 160
_WORD = re.compile(r"\w+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#|~!$])")
# Words that say nothing of a question's subject: articles, pronouns, question words, auxiliaries.
_COMMON = frozenset(
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
class Match:
    message: Message
    words: frozenset[str]


def find_matches(question: str, history: Iterable[Message]) -> list[Match]:
    """The messages of ``history`` (newest first) that share words with ``question``: the best of each thread, those
    with the most words first, at most 4."""
    asked = {word for word in _words(question) if len(word) > 2 and word not in _COMMON}
    best: dict[str, Match] = {}
    for message in history if asked else ():
        if message.metadata.get("fallback"):
            continue  # the formatter's own words are no memory of the user's
        shared = frozenset(asked & _words(message.text))
        if shared and len(shared) > len(best.get(message.thread_id, Match(message, frozenset())).words):
            best[message.thread_id] = Match(message, shared)
    return sorted(best.values(), key=lambda match: -len(match.words))[:_SHOWN]


def format_response(reason: Reason, model: str, matches: list[Match], to: Language, root: str = "") -> str:
    """The answer in Markdown: why no model wrote it, then what the stored history says, with links.

    ``model``: its label. ``root``: the path the app is mounted under, without a trailing slash.
    """
    parts = [say(reason, to, model=model)]
    if matches:
        parts += [say("found", to), "\n".join(_line(match, to, root) for match in matches)]
    else:
        parts.append(say("found_nothing", to))
    return "\n\n".join(parts)


def _line(match: Match, to: Language, root: str) -> str:
    message = match.message
    name = message.thread_name or say("untitled", to)
    when = date(datetime.fromtimestamp(message.created_at / 1e6), to)
    line = f"- [{_escape(name)}]({root}/thread/{message.thread_id}) ({when})"
    snippet = _snippet(message.text, match.words)
    if snippet == name:  # a conversation is named after its first message
        return line
    return line + (" — " if to == "en" else " – ") + say("quote", to, text=_escape(snippet))


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


def _escape(value: str) -> str:
    return _MARKDOWN.sub(r"\\\1", value)

"""``/versions``: what the versions of a question say, and how two of them differ, word by word."""

import re
from collections.abc import Iterator
from datetime import datetime
from difflib import SequenceMatcher

from datalayer.records import Step
from datalayer.text import one_line
from datalayer.versions import RECORD, Version, told, versions_of

from ..marks import is_command
from ..texts import clock, date, say
from ..texts.markdown import escape, plain
from .asked import Asked, Reply

_BEGINNING = 80
"""Characters that are listed of a text."""
_COMPARED = 2_000
"""Words that are compared of a text, from its beginning: more are not read, and take long."""
_LISTED = 50


async def versions(asked: Asked) -> Reply:
    """Of the last question that has several. Raises DataLayerError."""
    whole = await asked.services.layer.store.whole_thread(asked.thread.id)
    known = _last(whole[1]) if whole else []
    if not known:
        return Reply(say("versions_none", asked.to))
    words = asked.words.split()
    numbers = [int(word) for word in words if re.fullmatch("[0-9]{1,9}", word)]
    if not words:
        return Reply(_list(known, asked))
    if len(numbers) != len(words) or len(numbers) > 2:
        return Reply(say("versions_how", asked.to))
    if missing := [number for number in numbers if not 1 <= number <= len(known)]:
        return Reply(say("versions_no_such", asked.to, n=missing[0], count=len(known)))
    shown = next(version.number for version in known if version.shown)
    first, second = (*numbers, shown)[:2]
    return Reply(_compare(known[first - 1], known[second - 1], asked))


def _last(steps: list[Step]) -> list[Version]:
    records = (told(step.metadata) for step in steps if step.type == RECORD)
    questions = {record.question for record in records if record}
    last = next((step.id for step in reversed(steps) if step.id in questions), None)
    return versions_of(steps, last) if last else []


def _list(known: list[Version], asked: Asked) -> str:
    to = asked.to
    lines = [_entry(version, asked) for version in known[-_LISTED:]]
    more = [say("versions_more", to, n=_LISTED)] if len(known) > _LISTED else []
    return "\n\n".join([f"**{say('versions_title', to)}**", "\n".join(lines), *more, say("versions_help", to)])


def _entry(version: Version, asked: Asked) -> str:
    at = datetime.fromtimestamp(version.at / 1e6)
    when = f"{date(at, asked.to)}, {clock(at, asked.to)}"
    said = [escape(_beginning(text)) for text in (version.question, _answer(version)) if text]
    now = [f"**{say('versions_shown', asked.to)}**"] if version.shown else []
    return f"- {version.number} · " + " · ".join([when, *now, " → ".join(said)])


def _beginning(text: str) -> str:
    line = one_line(plain(text[: 10 * _BEGINNING]))
    return line if len(line) <= _BEGINNING else line[:_BEGINNING].rstrip() + "…"


def _answer(version: Version) -> str:
    """To the question itself, not to what was asked later."""
    for step in version.steps:
        if step.type == "user_message":
            break
        if step.type == "assistant_message" and not is_command(step.metadata):
            return step.output or ""
    return ""


def _compare(first: Version, second: Version, asked: Asked) -> str:
    to = asked.to
    parts = [
        f"**{say('versions_compared', to, first=first.number, second=second.number)}**",
        *_differences(say("versions_question", to), first.question, second.question),
        *_differences(say("versions_answer", to), _answer(first), _answer(second)),
    ]
    return "\n\n".join(parts) if len(parts) > 1 else say("versions_same", to)


def _differences(name: str, first: str, second: str) -> list[str]:
    return [f"*{name}*", " ".join(_told(first, second))] if first != second else []


def _told(first: str, second: str) -> Iterator[str]:
    """What the second has not is struck out, what it has besides is bold."""
    before, after = first.split(), second.split()
    cut = len(before) > _COMPARED or len(after) > _COMPARED
    before, after = before[:_COMPARED], after[:_COMPARED]
    for kind, begin, end, since, until in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield escape(" ".join(after[since:until]))
            continue
        if begin < end:
            yield f"~~{escape(' '.join(before[begin:end]))}~~"
        if since < until:
            yield f"**{escape(' '.join(after[since:until]))}**"
    if cut:
        yield "…"

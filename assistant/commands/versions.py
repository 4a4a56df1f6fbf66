"""``/versions``: what the versions of a question say, and how two of them differ, word by word. Of the last one that
has several; of an earlier one by its number from the end, ``#2``, or by words of it."""

import re
from collections.abc import Iterator
from datetime import datetime
from difflib import SequenceMatcher

from datalayer.records import Step
from datalayer.versions import RECORD, Version, told, versions_of

from ..marks import is_command
from ..texts import clock, date, say
from ..texts.markdown import escape
from .asked import Asked, Reply
from .told import beginning, says

_COMPARED = 2_000
"""Words that are compared of a text, from its beginning: more are not read, and take long."""
_LISTED = 50
_OTHERS = 10
"""Questions, besides the last, that are listed."""


_SELECTED = re.compile(r"(.*?)((?:(?:^|\s+)[0-9]{1,9})*)", re.DOTALL)
"""What names the question, and the numbers of versions after it."""


async def versions(asked: Asked) -> Reply:
    """Of the last question that has several, or the one that is named. Raises DataLayerError."""
    whole = await asked.services.layer.store.whole_thread(asked.thread.id)
    questions = _questions(whole[1]) if whole else []
    if whole is None or not questions:
        return Reply(say("versions_none", asked.to))
    selected = _SELECTED.fullmatch(asked.words.strip())
    assert selected is not None  # the end of it may be empty
    which, numbers = selected[1].strip(), [int(number) for number in selected[2].split()]
    known = _named(whole[1], questions, which)
    if isinstance(known, str):
        return Reply(f"{say(known, asked.to, words=escape(which), n=len(questions))} {say('versions_how', asked.to)}")
    if not numbers:
        others = questions[1:] if not which else []
        return Reply(_list(known, which, asked) + _others(whole[1], questions, others, asked))
    if len(numbers) > 2:
        return Reply(say("versions_how", asked.to))
    if missing := [number for number in numbers if not 1 <= number <= len(known)]:
        return Reply(say("versions_no_such", asked.to, n=missing[0], count=len(known)))
    shown = next(version.number for version in known if version.shown)
    first, second = (*numbers, shown)[:2]
    return Reply(_compare(known[first - 1], known[second - 1], asked))


def _questions(steps: list[Step]) -> list[str]:
    """Those that have several versions, the last one first."""
    records = (told(step.metadata) for step in steps if step.type == RECORD)
    several = {record.question for record in records if record}
    return [step.id for step in reversed(steps) if step.id in several and step.type == "user_message"]


def _named(steps: list[Step], questions: list[str], which: str) -> list[Version] | str:
    """The versions of the question that ``which`` names; else the key of the sentence that says why there are none."""
    if number := re.fullmatch("#([0-9]{1,9})", which):
        place = int(number[1])
        return versions_of(steps, questions[place - 1]) if 1 <= place <= len(questions) else "versions_no_question"
    if not which:
        return versions_of(steps, questions[0])
    for question in questions:
        known = versions_of(steps, question)
        if any(says(version.question, which) for version in known):
            return known
    return "versions_not_said"


def _others(steps: list[Step], questions: list[str], others: list[str], asked: Asked) -> str:
    """How the earlier ones are asked for."""
    if not others:
        return ""
    texts = {step.id: step.output or "" for step in steps}
    lines = [f"- `#{questions.index(key) + 1}` · {escape(beginning(texts[key]))}" for key in others[:_OTHERS]]
    return "\n\n".join(["", say("versions_others", asked.to), "\n".join(lines)])


def _list(known: list[Version], which: str, asked: Asked) -> str:
    to, shown = asked.to, next(version for version in known if version.shown)
    title = say("versions_title_of", to, said=beginning(shown.question)) if which else say("versions_title", to)
    lines = [_entry(version, asked) for version in known[-_LISTED:]]
    more = [say("versions_more", to, n=_LISTED)] if len(known) > _LISTED else []
    return "\n\n".join([f"**{escape(title)}**", "\n".join(lines), *more, say("versions_help", to)])


def _entry(version: Version, asked: Asked) -> str:
    at = datetime.fromtimestamp(version.at / 1e6)
    when = f"{date(at, asked.to)}, {clock(at, asked.to)}"
    said = [escape(beginning(text)) for text in (version.question, _answer(version)) if text]
    now = [f"**{say('versions_shown', asked.to)}**"] if version.shown else []
    return f"- {version.number} · " + " · ".join([when, *now, " → ".join(said)])


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

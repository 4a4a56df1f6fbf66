"""The versions of a question, as they are stored: one is shown, the others are aside, each whole and as it was.

What is aside keeps its row, under the type ``ASIDE``, so that nothing that looks for messages meets it: no model, no
search, no summary, no count. What it was stands in its metadata under ``MARK``. What the question said in a version
that was aside once is a step of its own (``kept_id``). Which version is shown, and when each began, says the ``RECORD``
of the question (``record_id``), which exists once there are two. All of these are below the question, and go with it.
``ChooseVersion`` alone writes any of this.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .records import Step

ASIDE, RECORD = "aside", "versions"
"""Types of steps."""
HIDDEN = frozenset({ASIDE, RECORD})
MARK = "aside"
"""In the metadata of what is aside: the ``question`` and the ``version`` that it belongs to, the ``type`` that it had,
unless it is what the question said; ``top``: it had no parent."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What a question's record says."""

    question: str
    """The id of the message."""
    shown: int
    """The number of the version that is shown; the first is 1."""
    made: tuple[int, ...]
    """When each began, in UTC microseconds; its number for good is its place here."""
    replaced: tuple[int, ...]
    """The number of the version in whose place each began; 0: the first has replaced none."""

    @property
    def count(self) -> int:
        return len(self.made)

    @property
    def before(self) -> int:
        """The version in whose place the one began that is shown; 0: there is none."""
        return self.replaced[self.shown - 1]

    def stored(self) -> dict[str, Any]:
        """As the metadata of the record."""
        lists = {"made": list(self.made), "replaced": list(self.replaced)}
        return {RECORD: {"question": self.question, "shown": self.shown, **lists}}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a ``ChooseVersion`` has done."""

    versions: Versions
    gone: tuple[str, ...]
    """Ids of the steps that are aside now and were shown before."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a question, to be read."""

    number: int
    at: int
    """When it began, in UTC microseconds."""
    shown: bool
    question: str
    """What the question says in it."""
    steps: tuple[Step, ...]
    """What comes after the question in it, as it was, oldest first."""


def record_id(question_id: str) -> str:
    return _derived(question_id, "versions")


def kept_id(question_id: str, version: int) -> str:
    """Of the step that keeps what the question says in this version while another is shown."""
    return _derived(question_id, f"version {version}")


def _derived(question_id: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{len(question_id)} {question_id}{name}"))


def told(metadata: Mapping[str, Any] | None) -> Versions | None:
    """What the metadata of a record say; None: of another step, whatever an app keeps there."""
    match (metadata or {}).get(RECORD):
        case {"question": str(question), "shown": int(shown), "made": [*made], "replaced": [*replaced]}:
            whole = len(made) == len(replaced) and 1 <= shown <= len(made)
            numbers = all(isinstance(each, int) for each in (*made, *replaced))
            if whole and numbers and all(0 <= each <= len(made) for each in replaced):
                return Versions(question, shown, tuple(made), tuple(replaced))
    return None


def mark(metadata: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Of what is aside; empty for what is not, whatever an app keeps there."""
    found = (metadata or {}).get(MARK)
    if not isinstance(found, dict) or not isinstance(found.get("type", ""), str | None):
        return {}
    return found if isinstance(found.get("question"), str) and isinstance(found.get("version"), int) else {}


_KEPT = {
    ASIDE: (MARK, ("question", "version", "type", "top")),
    RECORD: (RECORD, ("question", "shown", "made", "replaced")),
}


def counted(type_: str | None, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the metadata of a step of this type say of versions: which one it is of, or those of its question. Empty
    for a step of another type."""
    key, names = _KEPT.get(type_ or "", ("", ()))
    known = (metadata or {}).get(key)
    return {name: known[name] for name in names if name in known} if isinstance(known, dict) else {}


def unmarked(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (metadata or {}).items() if key != MARK}


def chosen_path(steps: Iterable[Step]) -> list[Step]:
    """Those of a thread that are shown."""
    return [step for step in steps if step.type not in HIDDEN]


def versions_of(steps: Sequence[Step], question_id: str) -> list[Version]:
    """All versions of a question of a thread with these steps; none where it has only one."""
    by_id = {step.id: step for step in steps}
    question, record = by_id.get(question_id), by_id.get(record_id(question_id))
    known = told(record.metadata) if record else None
    if question is None or known is None:
        return []
    after = steps[steps.index(question) + 1 :]
    return [_version(number, at, known, question, after, by_id) for number, at in enumerate(known.made, 1)]


def _version(
    number: int, at: int, known: Versions, question: Step, after: Sequence[Step], by_id: Mapping[str, Step]
) -> Version:
    if number == known.shown:
        return Version(number, at, True, question.output or "", tuple(chosen_path(after)))
    here = [(step, mark(step.metadata)) for step in after]
    own = [(s, m) for s, m in here if (m.get("question"), m.get("version")) == (question.id, number) and "type" in m]
    kept = by_id.get(kept_id(question.id, number))
    return Version(
        number,
        at,
        False,
        (kept.output if kept else question.output) or "",
        tuple(s._replace(type=m["type"], metadata=unmarked(s.metadata)) for s, m in own if m["type"] not in HIDDEN),
    )

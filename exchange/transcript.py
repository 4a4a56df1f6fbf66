"""What was said in a thread, for formats that people read: of a question's versions the one that is shown, and what the
others were."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from datalayer.passages import CITES
from datalayer.records import Element, Step
from datalayer.text import one_line, undirected
from datalayer.versions import RECORD, chosen_path, record_id, versions_of
from datalayer.whole import Vote, WholeThread

from .texts import Language, say

_OWN = {"user_message": True, "assistant_message": False}
"""Steps that are messages, and whether a person has written them."""
_COMMAND = "command"
"""In the metadata of what was typed with a slash, and of the reply to it: no part of the conversation."""

NOT_WHOLE = ("streaming", "stopped", "interrupted", "failed")
"""Of an answer that is still being given, or was cut off."""


def is_said(type_: str | None, metadata: Mapping[str, Any] | None) -> bool:
    """Whether a step of this type and with these metadata is a part of what people said, and were answered."""
    return type_ in _OWN and not (metadata or {}).get(_COMMAND)


@dataclass(frozen=True, slots=True)
class Said:
    step: Step
    own: bool
    name: str
    text: str
    files: list[Element] = field(default_factory=list)
    sources: list[tuple[str, str]] = field(default_factory=list)
    """What it cites: how, such as "[1]", and which passage of which file."""
    vote: Vote | None = None
    others: "list[Other]" = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.step.status not in NOT_WHOLE


@dataclass(frozen=True, slots=True)
class Other:
    """A version of a question that is not shown."""

    number: int
    at: int
    said: list[Said]
    """The question, and what was said after it."""


@dataclass(frozen=True)
class Transcript:
    whole: WholeThread
    to: Language

    @cached_property
    def said(self) -> list[Said]:
        return self._all(chosen_path(self.whole.steps))

    def _all(self, steps: Iterable[Step]) -> list[Said]:
        return [self._said(step, step.output or "") for step in steps if is_said(step.type, step.metadata)]

    def _said(self, step: Step, text: str, alone: bool = False) -> Said:
        own = _OWN[step.type or ""]
        name = step.name or say("you" if own else "assistant", self.to)
        if alone:
            return Said(step, own, name, text)
        files, sources = self._files[step.id], self._sources[step.id]
        return Said(step, own, name, text, files, sources, self._votes.get(step.id), self._others(step))

    def _others(self, question: Step) -> list[Other]:
        if not self._have_versions or record_id(question.id) not in self._have_versions:
            return []
        return [
            Other(each.number, each.at, [self._said(question, each.question, alone=True), *self._all(each.steps)])
            for each in versions_of(self.whole.steps, question.id)
            if not each.shown
        ]

    @cached_property
    def _have_versions(self) -> frozenset[str]:
        """The ids of the records of questions; most threads have none."""
        return frozenset(step.id for step in self.whole.steps if step.type == RECORD)

    @cached_property
    def _files(self) -> defaultdict[str, list[Element]]:
        found: defaultdict[str, list[Element]] = defaultdict(list)
        for element in self.whole.elements:
            if (element.blob is not None or element.url) and _source(element) is None:
                found[element.for_id or ""].append(element)
        return found

    @cached_property
    def _sources(self) -> defaultdict[str, list[tuple[str, str]]]:
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for element in self.whole.elements:
            if (source := _source(element)) is not None:
                found[element.for_id or ""].append((element.name or "", _cited(element, source, self.to)))
        return found

    @cached_property
    def loose(self) -> list[Element]:
        """The files that belong to no message that is shown."""
        shown = {each.step.id for said in self.said for each in (said, *(s for o in said.others for s in o.said))}
        return [element for key, some in self._files.items() if key not in shown for element in some]

    @cached_property
    def _votes(self) -> dict[str, Vote]:
        """The author's, where somebody else has voted, too."""
        author = self.whole.thread.user_id or ""
        return {vote.step_id: vote for vote in sorted(self.whole.votes, key=lambda vote: vote.user_id == author)}


def _source(element: Element) -> dict[str, Any] | None:
    """What it cites; None: it is no citation."""
    source = element.props.get(CITES) if isinstance(element.props, dict) else None
    return source if isinstance(source, dict) else None


def _cited(element: Element, source: dict[str, Any], to: Language) -> str:
    """Which passage of which file, or which other conversation, as it was called then."""
    if "step" in source:
        thread = one_line(undirected(str(source.get("thread_name") or "")))
        return say("source_thread", to, name=thread) if thread else say("source_other", to)
    props = element.props if isinstance(element.props, dict) else {}
    return undirected(str(props.get("title") or source.get("name") or "–"))


def title(whole: WholeThread, to: Language) -> str:
    """On one line."""
    return one_line(whole.thread.name or "") or say("untitled", to)


def system_prompt(whole: WholeThread) -> str:
    """What the model was told before all else; "": nothing."""
    settings: Any = whole.thread.metadata.get("chat_settings")
    found = settings.get("system_prompt") if isinstance(settings, dict) else None
    return found if isinstance(found, str) else ""


def models(whole: WholeThread) -> list[str]:
    """Those that were called, each once."""
    named = [call.model for call in whole.calls if call.kind == "turn"] or [whole.thread.model or ""]
    return [name for name in dict.fromkeys(named) if name]


def cost(whole: WholeThread) -> str | None:
    """US dollars, as a decimal; None: no price is known."""
    known = [call.cost for call in whole.calls if call.cost is not None]
    return dollars(sum(known)) if known else None


def dollars(nano: int) -> str:
    return f"{nano // 10**9}.{nano % 10**9:09}".rstrip("0").rstrip(".")

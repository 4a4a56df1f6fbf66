"""The rows of a conversation, in the order in which they are stored.

Always true: each message of the conversation is a row; no row is of a time before the one that it follows; of each
question one version is shown, that of the tip, and the others are aside as ``ChooseVersion`` leaves them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datalayer.versions import ASIDE, MARK, RECORD, Versions, kept_id, record_id

from ..origins.base import Conversation, File, Problem, Said
from ..origins.reasons import Why
from . import rows, threads
from .ids import step_id, thread_id
from .rows import Aside
from .turns import Question, Tree, Version, grown

Row = dict[str, Any]


@dataclass(slots=True)
class Planted:
    thread_id: str
    thread: Row
    """Columns of ``schema.threads``."""
    steps: list[Row] = field(default_factory=list)
    votes: list[Row] = field(default_factory=list)
    files: list[tuple[File, str, int]] = field(default_factory=list)
    """With the id of the step and its time, as ``rows.element`` takes them."""
    messages: int = 0
    """How many of the steps were said, by a person or a model."""
    problems: list[Problem] = field(default_factory=list)


def plant(
    of: Conversation, author: str | None, origin: str, at: int, known: Mapping[str, Versions] | None = None
) -> Planted:
    """``author``: the identifier of the user. ``at``: the moment of a conversation that tells none. ``known``: which
    versions are stored already, by the id of the question: they keep their numbers, and what is shown is shown."""
    return _Planting(of, author, origin, at, known or {}).plant()


class _Planting:
    def __init__(
        self, of: Conversation, author: str | None, origin: str, at: int, known: Mapping[str, Versions]
    ) -> None:
        self._of, self._origin, self._known = of, origin, known
        self._tree: Tree = grown(of)
        self._done = Planted(thread_id(author, origin, of.key), {}, problems=list(of.problems))
        times = [each.at for each in of.said if each.at is not None]
        begun = [each for each in (of.created_at, min(times, default=None)) if each is not None]
        if not begun and of.updated_at is None:
            self._done.problems.append(Problem(of.place, Why("no_time"), lost=False))
        self._begun = min(begun) if begun else of.updated_at if of.updated_at is not None else at

    def plant(self) -> Planted:
        tree, done, at = self._tree, self._done, self._begun
        loose = 0
        for said in tree.before:
            astray = said.by == "assistant" and said.aside is None and said.key not in tree.shown
            at = self._put(said, at, None, None, loose=astray)
            loose += astray
        if tree.question:
            loose += self._questions(tree.question, at)
        first = next((s.text for s in self._of.said if s.by == "user" and s.aside is None and s.text), "")
        done.thread = threads.columns(self._of, self._origin, first, self._begun, done.problems)
        if tree.cycles:
            done.problems.append(Problem(self._of.place, Why("circle"), lost=False))
        if tree.twice:
            done.problems.append(Problem(self._of.place, Why("key_taken", n=tree.twice), lost=False))
        if loose:
            done.problems.append(Problem(self._of.place, Why("loose", n=loose), lost=False))
        return done

    def _questions(self, first: Question, at: int) -> int:
        """From ``first`` on. How many messages are loose."""
        loose, further = 0, list[tuple[Question, int, Aside | None]]([(first, at, None)])
        while further:
            question, at, aside = further.pop()
            loose += len(question.loose)
            further += reversed(self._question(question, at, aside))
        return loose

    def _question(self, question: Question, at: int, aside: Aside | None) -> list[tuple[Question, int, Aside | None]]:
        """What follows each of its versions, and when."""
        asked = question.versions[0].question
        key = step_id(self._done.thread_id, asked.key)
        begun = self._later(asked, at)
        if len(question.versions) == 1 and key not in self._known:  # as most are
            return self._asked_once(question, key, begun, aside)
        record, order = self._record(question, key, begun)
        shown = order[record.shown - 1] if record.shown <= len(order) else None
        self._put((shown or question.versions[0]).question, begun, None, aside, key=key, at=begun)
        if record.count > 1:
            self._put_record(key, record, begun, aside)
        following = []
        for number, version in enumerate(order, 1):
            if version is None:
                continue
            of = aside if version is shown else Aside(key, number)
            if version is not shown:
                self._put_kept(key, version.question, begun, number)
            until = self._path(version, key, begun, of, record.made[number - 1])
            if version.following:
                following.append((version.following, until, of))
        for said in question.loose:
            begun = self._put(said, begun, key, aside, loose=True)
        return following

    def _asked_once(
        self, question: Question, key: str, begun: int, aside: Aside | None
    ) -> list[tuple[Question, int, Aside | None]]:
        """As ``_question``."""
        (version,) = question.versions
        self._put(version.question, begun, None, aside, key=key, at=begun)
        until = self._path(version, key, begun, aside, begun)
        for said in question.loose:
            begun = self._put(said, begun, key, aside, loose=True)
        return [(version.following, until, aside)] if version.following else []

    def _path(self, version: Version, key: str, at: int, aside: Aside | None, made: int) -> int:
        """When its last message is of."""
        if version.shared is None:
            at = max(at, version.question.at or at)
        for place, said in enumerate(version.path):
            copied = made if place < (version.shared or 0) else None
            at = self._put(said, at, key, aside, copied=copied)
        return at

    def _record(self, question: Question, key: str, begun: int) -> tuple[Versions, list[Version | None]]:
        """What the question's record says, and the versions by their numbers; None: one that is not of the export."""
        stored = self._known.get(key) or Versions(key, 0, (begun,), (0,))
        first = stored.made[0]
        made: dict[int, Version] = {}
        for version in question.versions:
            at = first if not made else max(first + 1, version.begins.at or 0)
            while at in made:
                at += 1
            made[at] = version
        new = sorted(at for at in made if at not in stored.made)
        numbers = (*stored.made, *new)
        order = [made.get(at) for at in numbers]
        shown = stored.shown or 1 + order.index(self._chosen(question))
        replaced = (*stored.replaced, *(number for number in range(len(stored.made), len(numbers))))
        return Versions(key, shown, numbers, replaced), order

    def _chosen(self, question: Question) -> Version:
        """The one that is shown: that of the tip, else the newest."""
        shown = self._tree.shown
        on_path = [v for v in question.versions if v.question.key in shown and _counts(v, shown)]
        return max(on_path, key=lambda v: sum(s.key in shown for s in v.path), default=_newest(question))

    def _put_record(self, key: str, record: Versions, at: int, aside: Aside | None) -> None:
        row: Row = {"id": record_id(key), "type": RECORD, "created_at": at, "parent_id": key}
        row["metadata"] = record.stored()
        self._done.steps.append(aside.put(row) if aside else row)

    def _put_kept(self, key: str, said: Said, at: int, number: int) -> None:
        """What the question says in a version that is not shown."""
        row = rows.step(said, kept_id(key, number), at, None)
        mark = {MARK: {"question": key, "version": number}}
        row |= {"type": ASIDE, "parent_id": key, "metadata": {**row.get("metadata", {}), **mark}}
        self._done.steps.append(row)
        self._attach(said, key, at)

    def _later(self, said: Said, at: int) -> int:
        return at if said.at is None else max(said.at, at)

    def _put(
        self,
        said: Said,
        after: int,
        asked: str | None,
        aside: Aside | None,
        *,
        key: str | None = None,
        at: int | None = None,
        copied: int | None = None,
        loose: bool = False,
    ) -> int:
        """When it is of: not before ``after``."""
        done = self._done
        moment = self._later(said, after) if at is None else at
        key = key or step_id(done.thread_id, said.key, copied)
        row = rows.step(said, key, moment, asked, loose)
        done.messages += row["type"] in rows.MESSAGES
        done.steps.append(aside.put(row) if aside else row)
        if copied is None:
            self._attach(said, key, moment)
            if said.vote is not None:
                done.votes.append(dict(rows.vote(said, key, moment)))
        return moment

    def _attach(self, said: Said, key: str, at: int) -> None:
        self._done.files += [(file, key, at) for file in said.files]


def _counts(version: Version, shown: frozenset[str]) -> bool:
    """Whether what makes it this version is shown."""
    return version.begins.key in shown


def _newest(question: Question) -> Version:
    return max(question.versions, key=lambda v: v.begins.at or 0)

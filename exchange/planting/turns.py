"""The tree of a conversation, as questions with their versions.

A question of ours has versions, and all that follows it belongs to one of them. So messages of people with one parent
are versions of one question; so are answers with one parent, of the question before them. What stands between that
question and such an answer is in each of the versions.

Always true: each message is in a version, is loose, or stands before the first question; none is in two questions.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..origins.base import Conversation, Said

_COPIES = 2_000
"""How often messages of a conversation may be in a further version: a tree can be made in which they are millions."""


@dataclass(slots=True)
class Version:
    """What was said from a question up to the next one."""

    question: Said
    path: list[Said]
    shared: int | None
    """How many of the path are in a version before; None: another question begins it."""
    following: "Question | None" = None

    @property
    def begins(self) -> Said:
        """The first that is in no version before."""
        return self.question if self.shared is None else self.path[self.shared]


@dataclass(slots=True)
class Question:
    versions: list[Version]
    """In the order of the tree."""
    loose: list[Said] = field(default_factory=list)
    """What is in none of them, because there are too many."""


@dataclass(slots=True)
class Tree:
    before: list[Said]
    """The first question."""
    question: Question | None
    shown: frozenset[str]
    """The keys of all from the tip up."""
    cycles: int
    """How often something followed itself."""
    twice: int
    """How many had the key of another one."""


def grown(conversation: Conversation) -> Tree:
    said = {each.key: each for each in reversed(conversation.said)}
    ordered = [each for each in conversation.said if said[each.key] is each]
    parents = {each.key: each.parent if each.parent in said else None for each in ordered}
    tip = conversation.tip if conversation.tip in said else _newest(ordered, parents)
    cycles = _rooted(([tip] if tip is not None else []) + list(parents), parents)
    children: defaultdict[str | None, list[Said]] = defaultdict(list)
    for each in ordered:
        children[parents[each.key]].append(each)
    before, questions = _before(children)
    first = _Questions(children).grow(questions) if questions else None
    shown = set[str]()
    while tip is not None:
        shown.add(tip)
        tip = parents[tip]
    return Tree(before, first, frozenset(shown), cycles, len(conversation.said) - len(ordered))


def _newest(said: Sequence[Said], parents: dict[str, str | None]) -> str | None:
    """The newest of those that nothing follows; of several the last one."""
    followed = set(parents.values())
    leaves = [each for each in said if each.key not in followed] or list(said)
    known = max((each.at for each in leaves if each.at is not None), default=None)
    return next((each.key for each in reversed(leaves) if known is None or each.at == known), None)


def _rooted(keys: Iterable[str], parents: dict[str, str | None]) -> int:
    """Cuts each cycle where the walk up from the first of the keys comes back. How many there were."""
    cycles, safe = 0, set[str]()
    for start in keys:
        way, at = dict[str, None](), parents.get(start) if start in safe else start
        while at is not None and at not in safe and at not in way:
            way[at] = None
            at = parents[at]
        if at is not None and at in way:
            parents[next(reversed(way))] = None
            cycles += 1
        safe.update(way)
    return cycles


def is_question(said: Said) -> bool:
    return said.by == "user" and said.aside is None


def _before(children: dict[str | None, list[Said]]) -> tuple[list[Said], list[Said]]:
    """What stands before any question, and the first questions, which are versions of one."""
    before, questions = list[Said](), list[Said]()
    waiting = children.get(None, [])[::-1]
    while waiting:
        said = waiting.pop()
        if is_question(said):
            questions.append(said)
        else:
            before.append(said)
            waiting += children.get(said.key, [])[::-1]
    return before, questions


class _Questions:
    def __init__(self, children: dict[str | None, list[Said]]) -> None:
        self._children, self._copies = children, _COPIES

    def grow(self, questions: list[Said]) -> Question:
        """With all that follows."""
        first = Question([])
        waiting = [(first, questions)]
        while waiting:
            question, siblings = waiting.pop()
            for said in siblings:
                for version, following in self._versions(said, question):
                    question.versions.append(version)
                    if following:
                        version.following = Question([])
                        waiting.append((version.following, following))
        return first

    def _versions(self, asked: Said, question: Question) -> list[tuple[Version, list[Said]]]:
        """The ways from it to the next questions, and these."""
        found = list[tuple[Version, list[Said]]]()
        path, waiting = list[Said](), [(0, asked)]
        began: int | None = None
        while waiting:
            depth, said = waiting.pop()
            path[depth:] = [] if said is asked else [said]
            if found and began is None:
                began = depth
            children = self._children.get(said.key, [])
            further = [each for each in children if not is_question(each)]
            following = [each for each in children if is_question(each)]
            level = len(path)
            waiting += [(level, each) for each in reversed(further)]
            if following or not further:
                found += self._version(asked, path, began, following, question, bool(found))
                began = None
        return found

    def _version(
        self, asked: Said, path: list[Said], began: int | None, following: list[Said], question: Question, again: bool
    ) -> list[tuple[Version, list[Said]]]:
        shared = (began or 0) if again else None
        self._copies -= shared or 0
        if shared and self._copies < 0:
            question.loose += path[shared:]
            question.loose += self._below(following)
            return []
        return [(Version(asked, list(path), shared), following)]

    def _below(self, said: list[Said]) -> list[Said]:
        """All of them, and what follows."""
        found, waiting = list[Said](), said[::-1]
        while waiting:
            found.append(each := waiting.pop())
            waiting += self._children.get(each.key, [])[::-1]
        return found

"""An index of words, as every database has to keep one: documents in, places out, newest first."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Any, ClassVar, Literal, NamedTuple

from sqlalchemy import Column, Connection, MetaData, String, Table

from . import documents
from .documents import Document
from .matching import Matcher
from .query import Term

Kind = Literal["message", "title"]
Place = tuple[int, str]
"""A document's number and the id of its row, by which its number is told from an equal one."""
FIRST: Place = (2**62, "")
"""Above all."""


class Sought(NamedTuple):
    """What is wanted, made ready for an index."""

    expression: Any
    broad: Sequence[Term] = ()
    """So many words may begin as these that the documents without them are better looked at one by one, newest first,
    as long as that finds enough."""
    unsure: bool = False
    """The index does not hold the whole of some word: texts must be read."""


class Found(NamedTuple):
    """Where a document is; of a thread, ``id`` is the thread's."""

    number: int
    id: str
    thread_id: str
    at: int

    @property
    def place(self) -> Place:
        return self.number, self.id


class Looked(NamedTuple):
    """What was seen of some documents."""

    found: list[Found]
    place: Place | None
    """Where to go on; None: there are no more."""
    at: int | None
    """When the last of them was made, UTC microseconds; None: they are nobody's."""


# What an index knows of itself. version: of what its documents are made of; threads, steps: up to which of them it is
# built, while it is; left: counts what may have left words behind.
state = Table(
    "search_state",
    MetaData(),
    Column("name", String(16), primary_key=True),
    Column("value", String(255), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    terms: Sequence[Term] = ()
    marks: Sequence[Collection[str]] = ()
    """Of each of them a document has one."""
    after: int | None = None
    before: int | None = None
    """When it was made, as in a Query."""
    without: Sequence[str] = ()
    """Marks that it has none of."""


def digest(tokens: Iterable[str]) -> int:
    return reduce(xor, map(hash, tokens), 0)


class Damaged(Exception):
    """The index is not what it should be: rows came or went past it. It has to be built anew."""


class Index(ABC):
    needs_old: ClassVar[bool] = False
    """Whether a document that is changed or removed must be told as it was."""

    @abstractmethod
    def create(self, connection: Connection) -> None:
        """Makes the tables; they are empty."""

    @abstractmethod
    def drop(self, connection: Connection) -> None: ...

    @abstractmethod
    def empty(self, connection: Connection) -> None:
        """Removes all documents."""

    @abstractmethod
    def put(
        self,
        connection: Connection,
        kind: Kind,
        ids: Collection[str],
        old: Mapping[str, Document],
        new: Mapping[str, Document],
    ) -> bool:
        """Has the index hold of the rows ``ids`` the documents ``new``, where it held ``old``. Whether it is no longer
        clean. Raises Damaged."""

    @abstractmethod
    def seek(self, connection: Connection, key: str, wanted: Wanted) -> Sought | None:
        """What finds the documents of the user with this ``key`` in which all is that is ``wanted``; None: there are
        none. Words of one term may stand apart in them; of an excluded term of several words nothing is known."""

    @abstractmethod
    def find(
        self, connection: Connection, user_id: str, kind: Kind, expression: Any, below: Place, limit: int
    ) -> tuple[list[Found], Place | None]:
        """Looks at the next ``limit`` documents below a place, newest first. Returns those that are the user's, and
        where to go on; None: there are no more."""

    def walk(
        self,
        connection: Connection,
        user_id: str,
        kind: Kind,
        expression: Any,
        below: Place,
        sizes: Iterable[int],
        matches: Matcher | None = None,
    ) -> Generator[Looked, None, None]:
        """Looks at so many documents one after the other, until there are no more. ``matches``: texts are read, and
        only those are found of which it says yes."""
        for size in sizes:
            some, place = self.find(connection, user_id, kind, expression, below, size)
            at = some[-1].at if some else None
            if matches is not None:
                texts = documents.texts(connection, kind, [each.id for each in some])
                some = [each for each in some if each.id in texts and matches(texts[each.id])]
            yield Looked(some, place, at)
            if place is None:
                return
            below = place

    @abstractmethod
    def known(self, connection: Connection, key: str, words: Sequence[str]) -> set[str]:
        """Those of some hundred words that documents of the user with this ``key`` have, as far as is soon found."""

    @abstractmethod
    def held(self, connection: Connection, kind: Kind) -> dict[str, int]:
        """The digests of all documents, by the ids of their rows; of one that has none, by anything else."""

    @abstractmethod
    def digest(self, document: Document) -> int:
        """What stands for its tokens, in this process."""

    def has_grown(self, connection: Connection) -> None:  # noqa: B027  # most databases do it by themselves
        """To be called when it is built: ``clean`` is to make it as small and as quick as it can be."""

    def is_clean(self, connection: Connection) -> bool:
        """Whether the index has no words left that no document has any more, as far as it can tell."""
        return True

    def clean(self, connection: Connection) -> None:  # noqa: B027  # most databases do it by themselves
        """Takes a step of some milliseconds to remove such words."""

"""What every database can be asked for, and what an error means that is no driver's."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import CompoundSelect, Connection, Executable, Insert, Select, Table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from ..errors import DataLayerError, InvalidInput, StoreUnavailable

T = TypeVar("T")
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode
Row = Sequence[Any]
Query = Select[Any] | CompoundSelect[*tuple[Any, ...]]


def from_json(value: str) -> Any:
    """``json.loads`` without its search for white space, which takes longer than most of our values."""
    try:
        parsed, end = _decode(value)
    except json.JSONDecodeError:
        end = -1
    except TypeError:  # of JSON that is a number, SQLite keeps the number
        return value
    return parsed if end == len(value) else json.loads(value)


class Dialect(ABC):
    """The statements in which databases differ; their parts are in ``expressions``."""

    serial: ClassVar[bool] = False
    """Whether a transaction that writes is alone, so that nothing changes between what it reads and what it writes."""

    def fetch(
        self, connection: Connection, statement: Query, parameters: Mapping[str, Any], make: Callable[[Row], T]
    ) -> list[T]:
        """What ``make`` makes of each row that ``statement``, which is made once and for all, finds."""
        return list(map(make, connection.execute(statement, parameters)))

    def send(self, connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Executes ``statement``, which is made once and for all, with each of ``rows``, all of the same keys."""
        connection.execute(statement, list(rows))

    @abstractmethod
    def keep(self, table: Table) -> Insert:
        """INSERT of rows; one whose key is there stays as it is."""

    @abstractmethod
    def upsert(
        self, table: Table, key: tuple[str, ...], columns: frozenset[str], same: tuple[str, ...] = (), newer: str = ""
    ) -> Insert:
        """INSERT of rows that, where ``key`` exists, sets ``columns``: only in a row in which the columns ``same`` are
        those of the new one, and ``newer`` (a time) is not later than the new one's."""

    @abstractmethod
    def add(self, table: Table, key: tuple[str, ...], column: str) -> Insert:
        """INSERT of rows that, where ``key`` exists, adds to ``column`` what the new one has there."""


class Runs(Protocol):
    """Connections of one role."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """``work`` in one transaction: committed when it returns, rolled back when it raises. Raises DataLayerError.

        It may be called again, in a new transaction, when others were at the same rows.
        """


class Database(Protocol):
    """Opens nothing before the first call."""

    write: Runs
    read: Runs
    lanes: int
    """How many transactions may write at once."""

    def translate(self, error: BaseException) -> DataLayerError:
        """The error of this package that says what ``error``, a driver's or SQLAlchemy's, means for the caller."""

    async def close(self) -> None:
        """The next call opens it again."""


def reason(error: BaseException) -> str:
    """What lies under ``error``, for a log: the driver's code or a class name. Never a message, it may quote data."""
    while error.__cause__ is not None:
        error = error.__cause__
    code = error.args[0] if error.args and type(error.args[0]) is int else getattr(error, "sqlstate", None)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return f"{name} {code}" if code else name


def driver_error(error: BaseException) -> BaseException:
    """What SQLAlchemy has wrapped."""
    return error.orig if isinstance(error, (DBAPIError, StatementError)) and error.orig else error


def translate(error: BaseException) -> DataLayerError:
    """The error of this package that says what ``error`` means for the caller, where its kind alone tells it."""
    cause = driver_error(error)
    if isinstance(cause, DataLayerError):
        return cause
    if isinstance(cause, (OSError, TimeoutError)):
        return StoreUnavailable("The database cannot take this right now")
    if isinstance(cause, (ValueError, TypeError, OverflowError)):
        return InvalidInput("The database refuses this value")
    if isinstance(cause, SQLAlchemyError):
        return DataLayerError("The database failed")
    return DataLayerError("The data layer failed")


async def translated(work: Coroutine[Any, Any, T], translate: Callable[[BaseException], DataLayerError]) -> T:
    """``work``, its errors as those of this package."""
    try:
        return await work
    except DataLayerError:
        raise
    except Exception as error:
        raise translate(error) from error

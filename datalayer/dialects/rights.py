"""Whether the user of a server may do what the layer does: asked at start, when somebody looks who can give it."""

from collections.abc import Iterator

from sqlalchemy import Connection, Executable, Table, delete, false, insert, select, update
from sqlalchemy.exc import DBAPIError

from ..errors import StoreUnusable
from ..schema import metadata
from .server import NO_RIGHT, Server


def check(connection: Connection, server: Server) -> None:
    """Changes nothing. Raises StoreUnusable for the first right that is missing, and as every statement does."""
    for table in metadata.sorted_tables:
        for right, statement in _harmless(table):
            try:
                connection.execute(statement)
            except DBAPIError as error:
                found = server.translate(error)
                if str(found) != NO_RIGHT[1]:
                    raise found from error
                raise StoreUnusable(f"{found}: {right} in the table {table.name}") from error


def _harmless(table: Table) -> Iterator[tuple[str, Executable]]:
    """A statement of each kind that finds no row; rights are looked at before rows."""
    first = next(iter(table.c))
    yield "SELECT", select(first).where(false())
    yield "INSERT", insert(table).from_select(list(table.c), select(*table.c).where(false()))
    yield "UPDATE", update(table).where(false()).values({first: first})
    yield "DELETE", delete(table).where(false())

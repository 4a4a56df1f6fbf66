"""A fault point in SQLite: a statement that stops, in the driver's thread, until the test lets it go on.

It is set through what SQLite and SQLAlchemy offer to everybody: a trace callback, called before each statement of a
connection, and an event for each connection that is made.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import QueuePool, event


class Gate:
    """Of all connections that are made while it is ``installed``. ``reached``: a statement has stopped."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._go_on = threading.Event()
        self._go_on.set()
        self._one = False
        self._stops: Callable[[str], bool] = lambda statement: False

    def shut(self, beginning: str = "COMMIT") -> None:
        """From now on, statements with this ``beginning`` stop: COMMIT is that of a write; "" is all."""
        self._stops = lambda statement: statement.startswith(beginning)
        self.reached.clear()
        self._go_on.clear()

    def pass_one(self) -> None:
        """Lets the one that has stopped go on; the next one stops again."""
        self.reached.clear()
        self._one = True
        self._go_on.set()

    def open(self) -> None:
        self._stops = lambda statement: False
        self._go_on.set()

    async def arrival(self) -> None:
        """Returns when a statement has stopped. Raises AssertionError when none does."""
        assert await asyncio.to_thread(self.reached.wait, 60)

    def _meet(self, statement: str) -> None:
        if self._stops(statement):
            self.reached.set()
            self._go_on.wait(60)
            if self._one:
                self._one = False
                self._go_on.clear()

    @contextmanager
    def installed(self) -> Iterator["Gate"]:
        event.listen(QueuePool, "connect", self._connect)  # which that of a migration is not in
        try:
            yield self
        finally:
            event.remove(QueuePool, "connect", self._connect)
            self.open()

    def _connect(self, connection: Any, _record: Any) -> None:
        begun = ""

        def trace(statement: str) -> None:
            nonlocal begun
            begun = statement if statement.startswith("BEGIN") else begun
            if begun != "BEGIN" or statement != "COMMIT":  # with which a read ends, too
                self._meet(statement)

        connection.set_trace_callback(trace)

"""What a store tells of its work to whoever counts it: how much, and for how long; never what, or whose."""

from typing import Literal

Outcome = Literal["stored", "spooled", "failed"]
"""Of a write: in the database; safe in the spool, to be stored later; neither, and its caller has the error."""


class Observer:
    """One that counts nothing. Called in the event loop; nothing here may raise or wait."""

    def wrote(self, outcome: Outcome) -> None:
        """A caller has the answer to its write."""

    def committed(self, seconds: float) -> None:
        """A transaction of writes took so long."""

    def read(self, answered: bool) -> None:
        """A read was answered, or could not be."""


class _Current:
    observer = Observer()


def observe(observer: Observer) -> None:
    """From now on ``observer`` is told, by all stores of this process."""
    _Current.observer = observer


def observer() -> Observer:
    return _Current.observer

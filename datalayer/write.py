"""What all changes to the store have: who asks for them, when, and whose order they keep."""

from dataclasses import dataclass

from .actors import APPLICATION, Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What all changes have."""

    actor: Actor = APPLICATION
    thread_id: str | None = None
    """The thread whose order this write keeps; None when only the id of a row is known."""
    at: int = 0
    replayed: bool = False
    """It comes out of a spool, maybe after newer writes of other processes."""

    @property
    def threads(self) -> frozenset[str]:
        """All whose order it keeps; none when only the id of a row is known."""
        return frozenset(filter(None, [self.thread_id]))

    @property
    def size(self) -> int:
        """How many rows it puts, about: what it takes the database for."""
        return 1

    @property
    def rows(self) -> frozenset[str]:
        """The ids of the rows that it names, but for its thread's."""
        return frozenset(filter(None, (getattr(self, "id", None), getattr(self, "step_id", None))))

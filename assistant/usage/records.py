"""What a call of a model came to: measured, priced, stored as a row of usage and sent as a trace."""

from dataclasses import dataclass, field
from typing import Literal

from ..models.base import Usage

CallKind = Literal["turn", "title", "summary"]
CallStatus = Literal["complete", "stopped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    nano_usd: int
    """Billionths of a US dollar, whole so that sums are exact."""
    version: str
    """Date of the price table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    id: str
    """Of the row; a turn's is its answer's step id."""
    thread_id: str
    user: str | None
    """The name of who asked, None where nobody logs in."""
    kind: CallKind = "turn"
    model: str
    """Who answered, or was asked last."""
    provider: str
    """Whose model it is, "" for the formatter alone."""
    status: CallStatus
    fallback: str | None = None
    """Why the formatter answered, None: a model did."""
    usage: Usage | None = None
    """None: the model was never reached."""
    estimated: bool = False
    """The provider did not tell the usage."""
    cost: Cost | None = None
    """None: no price is known."""
    started_at: int
    """UTC microseconds."""
    latency: int
    """Microseconds from the start to the end."""
    first_token: int | None = None
    """Microseconds from the start to the first piece, None: none came."""
    question: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)
    traced: bool = True
    """False: it is counted and no more."""

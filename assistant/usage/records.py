"""What a call of a model came to: measured, priced, stored as a row of usage and sent as a trace."""

from dataclasses import dataclass, field
from typing import Literal

from ..models.base import Usage

CallKind = Literal["turn", "title", "summary"]
CallStatus = Literal["complete", "stopped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """``nano_usd``: billionths of a US dollar, whole so that sums are exact. ``version``: date of the price table."""

    nano_usd: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """``id``: of the row; a turn's is its answer's step id. ``user``: who asked, None where nobody logs in.

    ``model``, ``provider``: who answered, or was asked last; ``provider`` "" for the formatter alone. ``fallback``: why
    the formatter answered, None when the model did. ``usage`` None: the model was never reached. ``estimated``: the
    provider did not tell the usage. ``cost`` None: no price is known. ``started_at``: UTC microseconds; ``latency`` and
    ``first_token`` (None: none came): microseconds from then on.
    """

    id: str
    thread_id: str
    user: str | None
    kind: CallKind = "turn"
    model: str
    provider: str
    status: CallStatus
    fallback: str | None = None
    usage: Usage | None = None
    estimated: bool = False
    cost: Cost | None = None
    started_at: int
    latency: int
    first_token: int | None = None
    question: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)

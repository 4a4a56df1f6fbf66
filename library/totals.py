"""What a person's calls of models came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from datalayer import Store
from datalayer.reports import UsageTotal

from .texts import Language, money, number, say


@dataclass(frozen=True, slots=True)
class Total:
    """A line of a table; all as it is shown."""

    model: str
    turns: str
    tokens_in: str
    tokens_out: str
    cost: str


@dataclass(frozen=True, slots=True)
class Span:
    title: str
    totals: list[Total]
    """The first one is of all models, where there are several."""


async def spans(store: Store, user_id: str, to: Language) -> list[Span]:
    """Of today, of this month and of all time. Raises DataLayerError."""
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    since = {"today": today, "month": today.replace(day=1), "ever": None}
    return [
        Span(say(f"usage_{name}", to), _lines(await store.usage_by_model(user_id, since=_microseconds(begin)), to))
        for name, begin in since.items()
    ]


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1e6)


def _lines(totals: Sequence[UsageTotal], to: Language) -> list[Total]:
    ranked = sorted(totals, key=lambda total: (-(total.tokens_in + total.tokens_out), total.model))
    lines = [_line(total.model, [total], to) for total in ranked]
    return [_line(say("usage_total", to), ranked, to), *lines] if len(lines) > 1 else lines


def _line(title: str, totals: Sequence[UsageTotal], to: Language) -> Total:
    return Total(
        title,
        number(sum(total.turns for total in totals), to),
        number(sum(total.tokens_in for total in totals), to),
        number(sum(total.tokens_out for total in totals), to),
        money(sum(total.cost for total in totals), to, sum(total.unpriced for total in totals)),
    )

"""What ``/usage`` shows: a table of what the models have read and written, and a chart of the days."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from babel.dates import format_date

from datalayer.reports import UsageDay, UsageTotal

from ..texts import Language, money, number, say
from ..texts import date as day_of
from ..usage.prices import VERSION

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

Range = Literal["thread", "today", "month"]

_NOTHING = "–"
_SMALLEST = 100_000
"""Billionths of a US dollar: a hundredth of a cent."""

# Readable on white and on black. The colours are Tableau's ten without the greys.
_INK, _GRID, _CLEAR = "#808080", "rgba(128, 128, 128, 0.25)", "rgba(0, 0, 0, 0)"
_COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#b07aa1", "#edc948", "#9c755f")
_TICKS, _SHORTEST = 8, 7
_WIDTH = 0.8 * 86_400_000
"""Milliseconds. Plotly takes the width from the distance of two bars, and one bar alone is a line."""


def report(ranges: Mapping[Range, Sequence[UsageTotal]], to: Language, label: Callable[[str], str] = str) -> str:
    """A Markdown table of the ranges, in the order given, and what has to be known about it.

    ``label``: how people call a model.
    """
    if not any(ranges.values()):
        return say("usage_none", to)
    lines = [say("usage_head", to), "|---|---|--:|--:|--:|--:|--:|"]
    for name, totals in ranges.items():
        lines += _rows(say(f"usage_{name}", to), totals, to, label)
    return "\n".join([*lines, *_notes(ranges.get("month", ()), to)])


def _rows(name: str, totals: Sequence[UsageTotal], to: Language, label: Callable[[str], str]) -> list[str]:
    ranked = sorted(totals, key=lambda t: (-(t.tokens_in + t.tokens_out), t.model))
    rows = [_row(_cell(label(t.model)), [t], to) for t in ranked]
    if not rows:
        rows = [_row(_NOTHING, (), to)]
    elif len(rows) > 1:
        rows.insert(0, _row(f"**{say('usage_total', to)}**", ranked, to))
    return [f"| **{name}** {rows[0]}", *(f"| {row}" for row in rows[1:])]


def _row(title: str, totals: Sequence[UsageTotal], to: Language) -> str:
    counts = [
        sum(t.turns for t in totals),
        sum(t.tokens_in for t in totals),
        sum(t.tokens_cached for t in totals),
        sum(t.tokens_out for t in totals),
    ]
    cost = money(sum(t.cost for t in totals), to, sum(t.unpriced for t in totals))
    return f"| {title} | " + " | ".join([*(number(count, to) for count in counts), cost]) + " |"


def _notes(month: Sequence[UsageTotal], to: Language) -> list[str]:
    turns = number(sum(t.turns for t in month), to)
    sums = {key: sum(getattr(t, key) for t in month) for key in ("unpriced", "estimated", "fallbacks", "failed")}
    notes = ["- " + say(f"usage_{key}", to, n=count, turns=turns) for key, count in sums.items() if count]
    if notes:
        notes = ["", say("usage_notes", to), "", *notes]
    if any(t.cost for t in month):
        notes += ["", say("usage_prices", to, date=day_of(datetime.fromisoformat(VERSION), to))]
    return notes


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def figure(days: Sequence[UsageDay], to: Language, label: Callable[[str], str] = str) -> "Figure":
    """Tokens a day, the models stacked on each other."""
    from plotly.graph_objects import Bar, Figure

    models = sorted({each.model for each in days})
    bars = [
        Bar(name=label(model), marker={"color": _COLOURS[number % len(_COLOURS)]}, **_bars(model, days, to, label))
        for number, model in enumerate(models)
    ]
    return Figure(bars, _layout(_span([date.fromisoformat(each.day) for each in days]), to))


def _span(days: Sequence[date]) -> list[date]:
    """Every day from the first to the last, but a week at least: the bar of a single day would fill the chart."""
    if not days:
        return []
    last = max(days)
    length = max((last - min(days)).days + 1, _SHORTEST)
    return [last - timedelta(days=ago) for ago in reversed(range(length))]


def _bars(model: str, days: Sequence[UsageDay], to: Language, label: Callable[[str], str]) -> dict[str, Any]:
    own = [each for each in days if each.model == model]
    return {
        "x": [each.day for each in own],
        "y": [each.tokens_in + each.tokens_out for each in own],
        "hovertext": [_hover(each, to, label) for each in own],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "width": _WIDTH,
    }


def _hover(each: UsageDay, to: Language, label: Callable[[str], str]) -> str:
    unknown = each.unpriced and each.cost < _SMALLEST
    return say(
        "usage_hover",
        to,
        day=day_of(datetime.fromisoformat(each.day), to),
        model=label(each.model),
        tokens=number(each.tokens_in + each.tokens_out, to),
        money=say("usage_hover_unpriced", to) if unknown else money(each.cost, to, each.unpriced),
    )


def _layout(days: Sequence[date], to: Language) -> dict[str, Any]:
    # Plotly names months in the language of the browser's bundle, which is English: the labels are ours.
    shown = days[:: -(-len(days) // _TICKS) or 1]
    names = [format_date(day, "d MMM", locale=to) for day in shown]
    # A bar stands around midnight of its day.
    ends = [f"{days[0] - timedelta(days=1)} 12:00", f"{days[-1]} 12:00"] if days else None
    return {
        "title": {"text": say("usage_chart", to), "x": 0.02},
        "barmode": "stack",
        "template": "none",
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "font": {"color": _INK},
        "separators": ",\u202f" if to == "fr" else ".,",
        "showlegend": True,
        "legend": {"orientation": "h"},
        "margin": {"l": 56, "r": 16, "t": 48, "b": 40},
        "xaxis": {"type": "date", "range": ends, "tickvals": shown, "ticktext": names, "showgrid": False},
        "yaxis": {"tickformat": ",d", "gridcolor": _GRID, "zerolinecolor": _GRID, "rangemode": "tozero"},
    }

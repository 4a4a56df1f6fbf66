"""The plot of cost against size: the first page of the list, and searches, ours beside the others'."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from . import Sizes, listing, search
from .contestants import BARE, CHAINLIT, OURS, POSTGRES
from .library import EACH
from .report import Groups

# Okabe's and Ito's colours, which people with any kind of colour blindness tell apart; the shapes say it once more.
_STYLES = {
    CHAINLIT: ("Chainlit's SQLAlchemyDataLayer", "#D55E00", "s"),
    POSTGRES: ("Chainlit's ChainlitDataLayer, PostgreSQL", "#CC79A7", "D"),
    BARE: ("bare sqlite3, FTS5", "#555555", "^"),
    OURS: ("Threadkeep", "#0072B2", "o"),
}

Points = Sequence[tuple[int, float]]
"""Size and seconds."""


def draw(groups: Groups, sizes: Sizes, to: Path) -> None:
    """As PNG. Of the searches that found all: each contestant's fastest and slowest kind, and the area between."""
    figure = Figure(figsize=(11, 4.6), dpi=110, facecolor="white", layout="constrained")
    first, second = figure.subplots(1, 2, sharey=True)
    for name, (label, colour, marker) in _STYLES.items():
        look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 6, "linewidth": 2}
        _line(first, _points(groups, name, {n: listing.LIST.format(n) for n in sizes.threads}), label=label, **look)
        if name == POSTGRES:  # it looks in names only
            continue
        kinds = [
            _points(groups, name, {n * EACH: search.sought(n, kind) for n in sizes.threads[1:]})
            for kind in search.KINDS
        ]
        low, high = _ends(kinds)
        _line(second, low, **look)
        _line(second, high, **look, linestyle="--")
        if low:
            second.fill_between(
                [n for n, _ in low], [s for _, s in low], [s for _, s in high], color=colour, alpha=0.12
            )
    for axes, title, what in (
        (first, "First page of the list", "conversations of one person"),
        (second, "Search: the fastest kind of question, and the slowest (dashed)", "messages"),
    ):
        axes.set_title(title, fontsize=11, loc="left")
        axes.set_xlabel(what)
        axes.set(xscale="log", yscale="log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
        axes.yaxis.set_major_formatter(FuncFormatter(_time))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    first.yaxis.set_tick_params(labelleft=True)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    to.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(to)


def _points(groups: Groups, name: str, cases: dict[int, str]) -> dict[int, float]:
    """Seconds by size. ``cases``: by size."""
    whole = (of for results in groups.values() for of in results if of.complete and of.seconds)
    found = {of.case: median(of.seconds) for of in whole if of.contestant == name}
    return {size: found[case] for size, case in cases.items() if case in found}


def _ends(kinds: list[dict[int, float]]) -> tuple[Points, Points]:
    sizes = sorted({size for kind in kinds for size in kind})
    by_size = [(size, [kind[size] for kind in kinds if size in kind]) for size in sizes]
    return [(size, min(times)) for size, times in by_size], [(size, max(times)) for size, times in by_size]


def _line(axes: Any, points: dict[int, float] | Points, **look: Any) -> None:
    pairs = list(points.items()) if isinstance(points, dict) else points
    if pairs:
        axes.plot(*zip(*pairs, strict=True), **look)


def _time(seconds: float, _: object) -> str:
    return f"{seconds:,.0f} s" if seconds >= 1 else f"{seconds * 1000:g} ms"

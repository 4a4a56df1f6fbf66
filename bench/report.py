"""What was measured, as Markdown."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from statistics import median

from . import QUICK, Sizes
from .cases import CONCURRENT, LIST, RESUME, Result
from .contestants import BARE, CHAINLIT, OURS


def environment() -> str:
    """Versions and cores."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("chainlit", "sqlalchemy", "aiosqlite"))
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}, {os.cpu_count()} cores\n"


def table(results: Sequence[Result]) -> str:
    """Medians of all, and how many times Threadkeep's time each takes: median (min–max over the rounds)."""
    lines = ["| case | contestant | median | time ÷ Threadkeep's |", "|---|---|---:|---:|"]
    for result in results:
        ratios = _ratios(result, _find(results, result.case, OURS))
        ratio = "1" if result.contestant == OURS else _spread(ratios)
        lines.append(f"| {result.case} | {result.contestant} | {_figure(result)} | {ratio} |")
    return "\n".join(lines) + "\n"


def _figure(result: Result) -> str:
    seconds = median(result.seconds)
    if not result.written:
        return f"{_short(seconds * 1000)} ms"
    lost = f" ({result.lost:,} of {result.written:,} lost)" if result.lost else ""
    return f"{1 / seconds:,.0f}/s{lost}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _spread(values: Sequence[float]) -> str:
    return f"{_short(median(values))} ({_short(min(values))}–{_short(max(values))})"


def _find(results: Sequence[Result], case: str, contestant: str) -> Result | None:
    return next((r for r in results if (r.case, r.contestant) == (case, contestant)), None)


def _ratios(slow: Result | None, fast: Result | None) -> list[float]:
    """Round by round, so that what disturbs the machine for a while disturbs both; empty when one was not measured."""
    if slow is None or fast is None:
        return []
    return [a / b for a, b in zip(slow.seconds, fast.seconds, strict=True)]


def notes(sizes: Sizes) -> str:
    """What the figures mean."""
    lines = [
        f"- Medians of {sizes.rounds} rounds after one to warm up; the contestants take turns in each, in one process.",
        "- Before timing, all were checked to return the same steps and first page, except where rows were lost.",
        f"- {CHAINLIT} sets journal_mode=WAL and synchronous=FULL as Threadkeep does; as shipped it keeps SQLite's"
        " defaults, a rollback journal with synchronous=FULL. Its reads are measured in WAL mode.",
        f"- {BARE} uses Threadkeep's schema, pragmas and indexes in the caller's own thread: one upsert and commit"
        " a step and nothing else; a read builds a dict a row and parses the JSON columns.",
        "- Lost: reported as stored, yet not in the file (warm-up included). Such rows are not counted into the rate.",
        "- A resumed thread is alone in its database, which favours Chainlit's queries: they scan all steps.",
    ]
    left_out = [f"{count:,}" for count in sizes.users_threads if count > sizes.chainlit_lists_up_to]
    if left_out:
        lines.append(
            f"- Chainlit's list is left out at {', '.join(left_out)} threads: for each page it loads every step of up"
            " to 1,000 threads, so that it takes long and shows no more (--full measures it)."
        )
    return "\n".join(lines) + "\n"


def expected(results: Sequence[Result], quick: bool) -> str:
    """The promises, and whether this run keeps them."""
    sizes = QUICK if quick else Sizes()
    small, middle, large = (LIST.format(count) for count in sizes.users_threads)
    concurrent, resume = CONCURRENT.format(sizes.callers), RESUME.format(sizes.thread_steps[-1])

    def find(case: str, contestant: str = OURS) -> Result | None:
        return _find(results, case, contestant)

    page = find(large)
    writes, lists = _ratios(find(concurrent, CHAINLIT), find(concurrent)), _ratios(find(middle, CHAINLIT), find(middle))
    flat, dicts = _ratios(find(large), find(small)), _ratios(find(resume), find(resume, BARE))
    lines = [
        _line(f"{concurrent}: at least 20 times the rate of Chainlit's layer, as durable", writes, 20, least=True),
        _line(f"{large}: less than 2 ms", [s * 1000 for s in page.seconds] if page else [], 2),
        _line(f"{large}: at most 1.5 times the time of {sizes.users_threads[0]:,}", flat, 1.5),
        _line(f"{middle}: at least 500 times faster than Chainlit's layer", lists, 500, least=True),
        _line(f"{resume}: at most 2.5 times the time of {BARE} with dicts", dicts, 2.5),
    ]
    small_sizes = "\n(--quick: the sizes are too small to judge by.)" if quick else ""
    return "\n".join(["## Expected\n", *lines]) + small_sizes


def _line(promise: str, values: Sequence[float], bound: float, least: bool = False) -> str:
    if not values:
        return f"- {promise}: not measured"
    found = median(values)
    kept = found >= bound if least else found <= bound
    return f"- {promise}: **{'ok' if kept else 'not met'}**, {_spread(values)}"

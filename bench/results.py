"""The page of results: what is promised and whether it holds, the figures, and what they were measured on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import Sizes, expected, plot, report
from .report import Groups


@dataclass(frozen=True)
class Run:
    """``machine``: lines that describe it."""

    groups: Groups
    sizes: Sizes
    machine: list[str]


def page(run: Run, quick: bool) -> str:
    sections = {
        "Expected": expected.report(run.groups, run.sizes, quick),
        "Measured on": "\n".join([*run.machine, f"- {datetime.now(UTC):%Y-%m-%d}"]) + "\n",
        "Figures": report.tables(run.groups),
        "What they mean": report.notes(run.sizes),
    }
    return "# Results of the bench\n\n" + "\n".join(f"## {title}\n\n{text}" for title, text in sections.items())


def write(page: str, run: Run, to: Path, image: Path) -> None:
    """``image``: is left as it is where neither lists nor searches were measured."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(page)
    if {"list", "search"} <= run.groups.keys():
        plot.draw(run.groups, run.sizes, image)

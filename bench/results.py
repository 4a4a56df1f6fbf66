"""The page of results: what is promised and whether it holds, the figures, and what they were measured on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from . import Sizes, expected, plot, report
from .report import Groups


@dataclass(frozen=True)
class Run:
    """``machine``: lines that describe it. ``missing``, ``failed``: why there is nothing of a group, by its name: this
    machine has not what it needs; it went wrong."""

    sizes: Sizes
    machine: list[str]
    groups: Groups = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def page(run: Run, quick: bool) -> str:
    without = [
        *(f"- {name}: left out, {why}" for name, why in run.missing.items()),
        *(f"- {name}: **failed**, {why}" for name, why in run.failed.items()),
    ]
    sections = {
        "Expected": expected.report(run.groups, run.sizes, quick),
        "Measured on": "\n".join([*run.machine, f"- {datetime.now(UTC):%Y-%m-%d}"]) + "\n",
        **({"Not measured": "\n".join(without) + "\n"} if without else {}),
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

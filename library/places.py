"""Where there are conversations: states, folders as a tree, tags, models, months, each with how many."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import get_args

from babel.dates import format_date

from datalayer.reports import Facets

from .address import FILTERS, Address, Show
from .texts import Language, number, say, size

MOST = 200
"""Folders, or tags, that are shown."""
FEW = 12
"""Folders and tags together, that are seen at a glance."""
_KINDS = ("chat", "imported", "channel")


@dataclass(slots=True)
class Folder:
    path: str
    name: str
    """The last part of the path."""
    count: int = 0
    """In it and below it."""
    below: list["Folder"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tally:
    """Of the files of a person."""

    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What a list can be narrowed to, or is. ``count`` None: nobody has counted."""

    key: str
    label: str
    count: int | None
    to: Address
    current: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    choices: list[Choice]

    @property
    def current(self) -> bool:
        return any(choice.current for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Places:
    shows: list[Choice]
    folders: list[Folder]
    paths: list[str]
    """Of all folders that are shown."""
    left_out: int
    """Folders and tags that are not."""
    uncounted: int
    """Conversations whose last change is in no number yet."""
    unfiled: int
    """In no folder."""
    tags: list[Choice]
    groups: list[Group]
    filters: list[Choice]
    """Those that hold; each leads to the list without it."""
    folders_counted: bool
    """Whether folders, with what holds besides, have been."""
    findable: bool
    """There are so many folders and tags that one is looked for by its name."""
    files: str
    """How many there are, and how much room they take; empty: there are none, or nobody has counted."""
    at_files: bool
    """They are what is shown."""


def places(
    all_of: Facets,
    here: Facets,
    address: Address,
    to: Language,
    has_trash: bool,
    tally: Tally | None = None,
    at_files: bool = False,
) -> Places:
    """``here``: of the archive, where the list shows that; else the same."""
    return Places(
        shows=_shows(all_of, address, to, has_trash, not at_files),
        folders=tree(_some(here.folders)),
        paths=list(_some(here.folders)),
        left_out=here.more_folders
        + here.more_tags
        + sum(max(len(each) - MOST, 0) for each in (here.folders, here.tags)),
        uncounted=max(all_of.uncounted, here.uncounted),
        unfiled=here.unfiled,
        tags=_choices("tag", _some(here.tags), address, to),
        groups=[
            Group(say(f"by_{field}", to), choices)
            for field, counts in (("model", here.models), ("month", here.months), ("kind", here.kinds))
            if (choices := _choices(field, counts, address, to)) and (len(choices) > 1 or choices[0].current)
        ]
        + _kept(here, address, to),
        filters=[
            Choice(name, label(name, getattr(address, name), to), None, address.narrowed(name, None))
            for name in FILTERS
            if _holds(address, name)
        ],
        folders_counted=_counted("folder", address),
        findable=bool(address.find) or len(here.folders) + len(here.tags) > FEW,
        files=f"{number(tally.count, to)} · {size(tally.bytes, to)}" if tally and tally.count else "",
        at_files=at_files,
    )


def _holds(address: Address, name: str) -> bool:
    value = getattr(address, name)
    return bool(value) or (name == "folder" and value == "")


def _counted(name: str, address: Address) -> bool:
    """Whether counts are those of the lists that they lead to: of each value alone, not of several filters together."""
    alone = not any(_holds(address, other) for other in FILTERS if other != name)
    return bool(address.words) or (alone and address.show in ("", "archived", "trash"))


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(islice(counts.items(), MOST))


def _shows(facets: Facets, address: Address, to: Language, has_trash: bool, listed: bool) -> list[Choice]:
    counts: dict[Show, int] = {
        "": facets.threads,
        "pinned": facets.pinned,
        "open": facets.statuses.get("open", 0),
        "done": facets.statuses.get("done", 0),
        "archived": facets.archived,
        "trash": facets.trashed,
    }
    narrowed = any(_holds(address, name) for name in FILTERS)
    plain = not address.words and (bool(address.show) or not narrowed)
    offered = [
        show for show in get_args(Show) if show != "trash" or has_trash or facets.trashed or address.show == show
    ]
    return [
        Choice(
            key=show or "all",
            label=say(f"show_{show}" if show else "all", to),
            count=counts[show],
            to=Address(show=show, order=address.order),
            current=listed and plain and address.show == show,
        )
        for show in offered
    ]


def _choices(name: str, counts: Mapping[str, int], address: Address, to: Language) -> list[Choice]:
    """What holds already leads to the list without it."""
    held, counted, choices = getattr(address, name), _counted(name, address), []
    for value, count in counts.items():
        there = address.narrowed(name, None if value == held else value)
        choices.append(Choice(name, label(name, value, to), count if counted else None, there, value == held))
    return choices


def _kept(facets: Facets, address: Address, to: Language) -> list[Group]:
    """Files and votes."""
    counts = {"file": facets.files, "for": facets.votes.get(1, 0), "against": facets.votes.get(0, 0)}
    choices = _choices("has", {value: n for value, n in counts.items() if n or address.has == value}, address, to)
    return [Group(say("by_has", to), choices)] if choices else []


def label(name: str, value: str, to: Language) -> str:
    """How people call what an address says."""
    if name == "folder" and not value:
        return say("no_folder", to)
    if name == "has" or (name == "kind" and value in _KINDS):
        return say(f"{name}_{value}", to)
    if name == "month":
        try:
            return format_date(date.fromisoformat(f"{value}-01"), "LLLL y", locale=to)
        except ValueError:
            return value
    return value


def tree(folders: Mapping[str, int]) -> list[Folder]:
    """The folders at the top, with what is below them; one that only has others below it is there, too."""
    known: dict[str, Folder] = {}
    top: list[Folder] = []
    for path, count in sorted(folders.items()):
        level, parts = top, path.split("/")
        for depth in range(1, len(parts) + 1):
            here = "/".join(parts[:depth])
            if here not in known:
                known[here] = Folder(here, parts[depth - 1])
                level.append(known[here])
            known[here].count += count
            level = known[here].below
    return top

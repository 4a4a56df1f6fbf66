"""Where there are conversations: folders as a tree, tags, states, each with how many."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Counted(Protocol):
    """How many conversations there are in each folder, and with each tag."""

    @property
    def folders(self) -> dict[str, int]: ...

    @property
    def tags(self) -> dict[str, int]: ...


@dataclass(slots=True)
class Folder:
    path: str
    name: str
    """The last part of the path."""
    count: int = 0
    """In it and below it."""
    below: list["Folder"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Places:
    folders: list[Folder]
    paths: list[str]
    """Of all folders."""
    tags: dict[str, int]


def places(facets: Counted) -> Places:
    return Places(tree(facets.folders), list(facets.folders), facets.tags)


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

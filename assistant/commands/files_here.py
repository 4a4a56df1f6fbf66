"""Files of the conversation at hand: listed, taken out of answers, put into the trash, and brought back.

Always true: of several versions of a file none goes that the person has not named.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from datalayer import file_url
from datalayer.passages import ContextFile, FileUse
from datalayer.records import now
from datalayer.search.tokens import tokens
from datalayer.text import fold
from datalayer.writes import DeleteElement, RestoreElement, TrashElement

from ..retrieval.extract import can_read
from ..texts import Language, date, number, say, size
from ..texts.markdown import code, escape
from ..turns.shelves import leave_out
from .asked import Asked, Reply

_ALL = ("all", "tout", "toutes", "tous")
_NUMBERED = re.compile(rf"(.+?)\s*#([1-9]\d{{0,2}}|{'|'.join(_ALL)})", re.IGNORECASE)
_LISTED, _OFFERED = 100, 20
_NAME = 80
"""Characters of a name that are shown."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def shown(name: str) -> str:
    line = " ".join(name.split())
    return escape(line if len(line) <= _NAME else line[:_NAME] + "…")


def named(words: str, files: Sequence[N]) -> list[N]:
    """Those whose name is so, as it is shown; else those whose name has all the words."""
    exact = [file for file in files if fold(code(file.name)) == fold(code(words))]
    wanted = set(tokens(words))
    return exact or [file for file in files if wanted and wanted <= set(tokens(file.name))]


# Listed


async def listed(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    to, here = asked.to, await _files(asked)
    how = say("files_how" if asked.held is None else "files_temporary", to)
    thrown = await asked.services.layer.store.trashed_files(asked.thread.id) if asked.held is None else []
    in_trash = [say("files_in_trash", to, names=_names(thrown))] if thrown else []
    if not here:
        return Reply("\n\n".join([say("files_none", to), *in_trash, how]))
    versions = _versions(here)
    rows = [_row(file, versions[file.element_id], asked) for file in here[-_LISTED:]]
    more = [say("files_more", to, n=len(here) - _LISTED)] if len(here) > _LISTED else []
    out = [say("files_left_out_how", to)] if any(file.left_out for file in here) else []
    table = "\n".join([say("files_head", to), "|---|--:|--:|--:|---|---|", *rows])
    return Reply("\n\n".join([f"**{say('files_title', to)}**", table, *more, *out, *in_trash, how]))


async def _files(asked: Asked) -> Sequence[ContextFile]:
    """With those that are left out of answers, in the order in which they came."""
    if asked.held is not None:
        return asked.held
    return await asked.services.layer.store.context_files(asked.thread.id, left_out=True)


def _versions(files: Iterable[ContextFile]) -> Mapping[str, int]:
    """The version of each file among those of its name; 0: it is the only one."""
    by_name: dict[str, list[ContextFile]] = defaultdict(list)
    for file in files:
        by_name[fold(file.name)].append(file)
    told = {file.element_id: place for same in by_name.values() for place, file in enumerate(same, 1)}
    return {file.element_id: told[file.element_id] if len(by_name[fold(file.name)]) > 1 else 0 for file in files}


def _row(file: ContextFile, version: int, asked: Asked) -> str:
    to = asked.to
    name = shown(file.name)
    cells = [
        name if asked.held is not None else f"[{name}]({file_url(file.element_id, file.sha256)})",
        size(file.size, to),
        number(file.pages, to) if file.pages else "–",
        number(file.passages, to) if file.passages else "–",
        say(f"files_{_status(file)}", to),
        say("files_version_old" if file.superseded else "files_version", to, n=version) if version else "",
    ]
    return f"| {' | '.join(cells)} |"


def _status(file: ContextFile) -> str:
    if file.left_out:
        return "left_out"
    if (file.mime or "").startswith(("image/", "audio/", "video/")):
        return "unread"
    if file.status == "refused" or not can_read(file.name, file.mime):
        return "refused"
    return "read_cut" if file.cut else file.status


def _names(files: Sequence[ContextFile] | Sequence[FileUse]) -> str:
    names = list(dict.fromkeys(shown(file.name) for file in files))
    return ", ".join(f"**{name}**" for name in names[:_OFFERED]) + ("…" if len(names) > _OFFERED else "")


# Which one is meant


class _Meant(NamedTuple):
    versions: Sequence[ContextFile]
    """All of one file, the oldest first; none: there is none, or several are called so."""
    name: str
    """What it was called."""
    called: Sequence[ContextFile]
    """All that are called so."""
    number: int | None
    """The version that was named, the first is 1; None: no single one."""
    all: bool
    """Whether all were asked for."""

    @property
    def some(self) -> Sequence[ContextFile]:
        return self.versions if self.number is None else self.versions[self.number - 1 : self.number]


async def _meant(asked: Asked, about: str) -> _Meant:
    files = await _files(asked)
    whole = _one(named(about, files)) if any(fold(code(file.name)) == fold(code(about)) for file in files) else []
    if whole or not (given := _NUMBERED.fullmatch(about)):  # a name may end like a number
        called = whole or named(about, files)
        return _Meant(_one(called), about, called, None, False)
    which, called = fold(given[2]), named(given[1], files)
    return _Meant(_one(called), given[1], called, int(which) if which.isdecimal() else None, which in _ALL)


def _one(found: Sequence[ContextFile]) -> Sequence[ContextFile]:
    return found if len({fold(file.name) for file in found}) == 1 else []


async def _no_such(asked: Asked, meant: _Meant) -> Reply:
    to, thrown = asked.to, await asked.services.layer.store.trashed_files(asked.thread.id)
    if meant.versions:
        name = shown(meant.versions[0].name)
        told = say("files_no_such_version", to, n=len(meant.versions), at=number(meant.number or 0, to), name=name)
    elif meant.called:
        told = say("files_several_here", to, names=_names(meant.called))
    else:
        told = say("files_no_such_here", to, name=escape(meant.name))
    gone = named(meant.name, thrown)
    return Reply("\n\n".join([told, *([say("files_in_trash", to, names=_names(gone))] if gone else [])]))


# What is done


async def remove(asked: Asked, about: str) -> Reply:
    """It stays where it is, and no answer draws on it."""
    to, meant = asked.to, await _meant(asked, about)
    if not meant.some:
        return await _no_such(asked, meant)
    told = {"names": _names(meant.some), "name": code(meant.some[0].name)}
    if meant.number is not None and len(meant.versions) > 1:
        told["names"] = say("files_version_of", to, at=number(meant.number, to), name=shown(meant.some[0].name))
    if not (new := [file.element_id for file in meant.some if not file.left_out]):
        return Reply(say("files_removed_already", to, **told))
    await leave_out(asked.services.layer.store, asked.actor, asked.thread.id, new)
    return Reply("\n\n".join([say("files_removed", to, **told), *await _again(asked, meant.versions)]))


async def _again(asked: Asked, before: Sequence[ContextFile]) -> list[str]:
    """A sentence on each of these versions of a file that was replaced ``before``, and answers now."""
    now = {file.element_id for file in await _files(asked) if not (file.superseded or file.left_out)}
    return [
        say("files_answers_again", asked.to, at=number(place, asked.to), name=shown(file.name))
        for place, file in enumerate(before, 1)
        if file.superseded and file.element_id in now
    ]


async def delete(asked: Asked, about: str) -> Reply:
    """Into the trash, where there is one."""
    to, days = asked.to, asked.services.trash_days
    meant = await _meant(asked, about)
    if not meant.some:
        return await _no_such(asked, meant)
    name = {"name": shown(meant.versions[0].name), "code": code(meant.versions[0].name)}
    if len(meant.versions) > 1 and meant.number is None and not meant.all:
        return Reply(_which(meant.versions, name, to))
    if not days and meant.number is None and not meant.all:
        return Reply(say("files_delete_sure", to, **name))
    at, kind = now(), TrashElement if days else DeleteElement
    for file in meant.some:
        which = {"actor": asked.actor, "thread_id": asked.thread.id, "id": file.element_id, "at": at}
        await asked.services.layer.store.submit(kind(**which))  # type: ignore[arg-type]
    until = {"day": date(datetime.now() + timedelta(days=days), to)}
    key = "files_trashed" if days else "files_deleted"
    if meant.number is not None and len(meant.versions) > 1:
        told = say(f"{key}_version", to, at=number(meant.number, to), **name, **until)
    else:
        told = say(key, to, n=len(meant.some), **name, **until)
    gone = tuple(file.element_id for file in meant.some)
    return Reply("\n\n".join([told, *await _again(asked, meant.versions)]), gone=gone, cited_anew=True)


def _which(versions: Sequence[ContextFile], name: Mapping[str, str], to: Language) -> str:
    lines = [
        f"{place}. {size(file.size, to)} · {date(datetime.fromtimestamp(file.created_at / 1e6), to)}"
        f" · {say('files_superseded' if file.superseded else f'files_{_status(file)}', to)}"
        for place, file in enumerate(versions, 1)
    ]
    told = {**name, "count": number(len(versions), to)}
    return "\n\n".join([say("files_versions", to, **told), "\n".join(lines), say("files_versions_how", to, **told)])


async def back(asked: Asked, about: str) -> Reply | None:
    """What was taken out of answers is in them again; else what was deleted last under this name is back. None: there
    is nothing of the kind."""
    store, to = asked.services.layer.store, asked.to
    files = await store.context_files(asked.thread.id, left_out=True)
    called = fold(code(about))
    if again := [file for file in files if file.left_out and fold(code(file.name)) == called]:
        keys = (file.element_id for file in again)
        await leave_out(store, asked.actor, asked.thread.id, keys, out=False)
        return Reply(say("files_back", to, names=_names(again)))
    thrown = [use for use in await store.trashed_files(asked.thread.id) if fold(code(use.name)) == called]
    last = [use for use in thrown if use.trashed_at == thrown[0].trashed_at]
    for use in last:
        which = {"actor": asked.actor, "thread_id": use.thread_id, "id": use.element_id, "at": now()}
        await store.submit(RestoreElement(**which))  # type: ignore[arg-type]
    if not last:
        return None
    told = say("files_untrashed", to, n=len(last), name=shown(last[0].name))
    return Reply(told, shows=tuple(use.element_id for use in last), cited_anew=True)

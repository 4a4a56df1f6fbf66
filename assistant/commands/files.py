"""``/files``: the files of the conversation at hand, what was read of them, and those of other conversations."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from datalayer import file_url
from datalayer.passages import LEFT_OUT, ContextFile, FoundPassage
from datalayer.records import StepFile, now
from datalayer.search.query import Query, Term
from datalayer.search.snippets import snippet
from datalayer.search.tokens import tokens
from datalayer.text import fold
from datalayer.writes import DeleteElement

from ..texts import Language, number, say, size
from ..texts.markdown import escape
from ..turns import places
from ..turns.found import quotation
from ..turns.remembered import telling
from ..turns.shelves import leave_out
from .asked import Asked, Reply

_ADD = ("add", "ajouter")
_REMOVE = ("remove", "retirer", "enlever")
_DELETE = ("delete", "supprimer")
_NUMBERED = re.compile(r"(.+?)\s*#([1-9]\d?)")
_LISTED, _FOUND = 100, 20
_OFFERED = 10
_NAME = 80
"""Characters of a name that are shown."""


async def files(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    word, _, rest = asked.words.strip().partition(" ")
    about = rest.strip()
    for names, does in ((_ADD, _add), (_REMOVE, _remove), (_DELETE, _delete)):
        if fold(word) in names:
            return await does(asked, about) if about else Reply(say("files_how", asked.to))
    return await (_search(asked) if asked.words.strip() else _list(asked))


async def _list(asked: Asked) -> Reply:
    to = asked.to
    here = await asked.services.layer.store.context_files(asked.thread.id)
    if not here:
        return Reply("\n\n".join([say("files_none", to), say("files_how", to)]))
    versions = _versions(here)
    rows = [_row(file, versions[file.element_id], to) for file in here[-_LISTED:]]
    more = [say("files_more", to, n=len(here) - _LISTED)] if len(here) > _LISTED else []
    table = "\n".join([say("files_head", to), "|---|--:|--:|--:|---|---|", *rows])
    return Reply("\n\n".join([f"**{say('files_title', to)}**", table, *more, say("files_how", to)]))


def _versions(files: Iterable[ContextFile]) -> Mapping[str, int]:
    """The version of each file among those of its name; 0: it is the only one."""
    by_name = groupby(sorted(files, key=lambda file: fold(file.name)), key=lambda file: fold(file.name))
    told: dict[str, int] = {}
    for _, group in by_name:
        same = sorted(group, key=lambda file: file.created_at)
        told |= {file.element_id: place if len(same) > 1 else 0 for place, file in enumerate(same, 1)}
    return told


def _row(file: ContextFile, version: int, to: Language) -> str:
    cells = [
        _link(file.name, file.element_id, file.sha256),
        size(file.size, to),
        number(file.pages, to) if file.pages else "–",
        number(file.passages, to) if file.passages else "–",
        say(f"files_{_status(file)}", to),
        say("files_version_old" if file.superseded else "files_version", to, n=version) if version else "",
    ]
    return f"| {' | '.join(cells)} |"


def _status(file: ContextFile) -> str:
    if file.status == "refused":
        return "unread" if file.refused == "not_text" else "refused"
    if (file.mime or "").startswith(("image/", "audio/", "video/")):
        return "unread"
    return "read_cut" if file.cut else file.status


def _link(name: str, element_id: str, sha256: str) -> str:
    return f"[{_shown(name)}]({file_url(element_id, sha256)})"


def _shown(name: str) -> str:
    line = " ".join(name.split())
    return escape(line if len(line) <= _NAME else line[:_NAME] + "…")


# Other conversations


async def _search(asked: Asked) -> Reply:
    told = await found(asked, asked.words, _FOUND)
    return Reply(told or "\n\n".join([say("files_nothing", asked.to), say("files_how", asked.to)]))


async def found(asked: Asked, words: str, most: int) -> str:
    """What the files of the asking person say to ``words``, in Markdown; "" for nothing."""
    if not words.strip():
        return ""
    passages = await asked.services.layer.store.find_in_files(asked.user, words, limit=most)
    query = Query(tuple(Term((word,), prefix=False, excluded=False) for word in telling(words)))
    lines = [_hit(each, query, asked) for each in passages]
    return "\n\n".join([say("files_found", asked.to), "\n".join(lines)]) if lines else ""


def _hit(found: FoundPassage, words: Query, asked: Asked) -> str:
    to, where = asked.to, places.told(found.place, asked.to)
    place = f", {escape(where)}" if where else ""
    thread = say("in_thread", to, thread=asked.link(found.thread_id, found.thread_name))
    return f"- **{_shown(found.name)}**{place} {thread}{quotation(snippet(found.text, words), to)}"


async def _add(asked: Asked, about: str) -> Reply:
    """From this conversation, where it was taken out of the context; else from another one of the same person."""
    to, store = asked.to, asked.services.layer.store
    if again := await _left_out(asked, about):
        await leave_out(store, asked.actor, asked.thread.id, (file.element_id for file in again), out=False)
        return Reply(say("files_back", to, names=_names(again)), cited_anew=True)
    here = {file.sha256 for file in await store.context_files(asked.thread.id)}
    numbered = _NUMBERED.fullmatch(about)
    words = numbered[1] if numbered else about
    found = _called(words, await store.recent_files(asked.user, asked.thread.id))
    if numbered:
        found = found[int(numbered[2]) - 1 : int(numbered[2])]
    if not found:
        return Reply(say("files_no_such", to, name=escape(words)))
    if len(found) > 1:
        return Reply(_offer(found, words, asked))
    if found[0].blob.partition("-")[0] in here:
        return Reply(say("files_here", to, name=_shown(found[0].name)))
    return Reply(say("files_added", to, name=_shown(found[0].name)), adds=tuple(found))


def _offer(found: Sequence[StepFile], words: str, asked: Asked) -> str:
    to = asked.to
    words = words.replace("`", "")
    lines = [
        f"{place}. {_shown(file.name)} {say('in_thread', to, thread=asked.link(file.thread_id, file.thread_name))}"
        for place, file in enumerate(found[:_OFFERED], 1)
    ]
    return "\n\n".join([say("files_which", to), "\n".join(lines), say("files_which_how", to, words=words)])


def _called(words: str, files: Iterable[StepFile]) -> list[StepFile]:
    """Those whose name is so, else those whose name has all the words; each content once, the newest first."""
    once: dict[str, StepFile] = {}
    for file in files:
        once.setdefault(file.blob.partition("-")[0], file)
    exact = [file for file in once.values() if fold(file.name) == fold(words)]
    wanted = set(tokens(words))
    return exact or [file for file in once.values() if wanted and wanted <= set(tokens(file.name))]


# This conversation


async def _remove(asked: Asked, about: str) -> Reply:
    """It stays where it is, and no answer draws on it."""
    if not (same := await _here(asked, about)):
        return Reply(say("files_no_such_here", asked.to, name=escape(about)))
    store = asked.services.layer.store
    await leave_out(store, asked.actor, asked.thread.id, (file.element_id for file in same))
    return Reply(
        say("files_removed", asked.to, names=_names(same), name=same[0].name.replace("`", "")), cited_anew=True
    )


async def _delete(asked: Asked, about: str) -> Reply:
    if not (same := await _here(asked, about)):
        return Reply(say("files_no_such_here", asked.to, name=escape(about)))
    gone = tuple(file.element_id for file in same)
    for key in gone:
        write = DeleteElement(actor=asked.actor, thread_id=asked.thread.id, id=key, at=now())
        await asked.services.layer.store.submit(write)
    return Reply(say("files_deleted", asked.to, names=_names(same)), gone=gone, cited_anew=True)


async def _here(asked: Asked, about: str) -> list[ContextFile]:
    """All versions of the one file that is meant; none where there is none, or several."""
    files = await asked.services.layer.store.context_files(asked.thread.id)
    exact = [file for file in files if fold(file.name) == fold(about)]
    wanted = set(tokens(about))
    found = exact or [file for file in files if wanted and wanted <= set(tokens(file.name))]
    return found if len({fold(file.name) for file in found}) == 1 else []


async def _left_out(asked: Asked, about: str) -> list[StepFile]:
    store = asked.services.layer.store
    known = {file.element_id for file in await store.context_files(asked.thread.id)}
    found = []
    for file in await store.thread_files(asked.thread.id):
        if file.element_id not in known and fold(file.name) == fold(about):
            element = await store.element(asked.thread.id, file.element_id)
            if element and isinstance(element.props, Mapping) and element.props.get(LEFT_OUT):
                found.append(file)
    return found


def _names(files: Sequence[ContextFile | StepFile]) -> str:
    return ", ".join(f"**{name}**" for name in dict.fromkeys(_shown(file.name) for file in files))

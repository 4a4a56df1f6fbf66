"""``/files``: the files of the conversation at hand, what was read of them, and those of other conversations."""

import re
from collections.abc import Iterable, Sequence

from datalayer.passages import FoundPassage
from datalayer.records import StepFile
from datalayer.search.query import Query, Term
from datalayer.search.snippets import snippet
from datalayer.text import fold

from ..texts import say
from ..texts.markdown import code, escape
from ..turns import places
from ..turns.found import quotation
from ..turns.remembered import telling
from .asked import Asked, Reply
from .files_here import back, delete, listed, named, remove, shown

_ADD = ("add", "ajouter")
_REMOVE = ("remove", "retirer", "enlever")
_DELETE = ("delete", "supprimer")
_NUMBERED = re.compile(r"(.+?)\s*#([1-9]\d?)")
_FOUND = 20
_OFFERED = 10


async def files(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    word, _, rest = asked.words.strip().partition(" ")
    about = rest.strip()
    for names, does in ((_ADD, _add), (_REMOVE, remove), (_DELETE, delete)):
        if fold(word) in names:
            if asked.held is not None:
                return Reply(say("files_temporary", asked.to))
            return await does(asked, about) if about else Reply(say("files_how", asked.to))
    return await (_search(asked) if asked.words.strip() else listed(asked))


async def _search(asked: Asked) -> Reply:
    told = await found(asked, asked.words, _FOUND)
    return Reply(told or "\n\n".join([say("files_nothing", asked.to), _how(asked)]))


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
    return f"- **{shown(found.name)}**{place} {thread}{quotation(snippet(found.text, words), to)}"


def _how(asked: Asked) -> str:
    return say("files_how" if asked.held is None else "files_temporary", asked.to)


async def _add(asked: Asked, about: str) -> Reply:
    """From this conversation, where it was taken out of the context or deleted; else from another one of the same
    person."""
    to, store = asked.to, asked.services.layer.store
    if returned := await back(asked, about):
        return returned
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
        return Reply(say("files_here", to, name=shown(found[0].name)))
    return Reply(say("files_added", to, name=shown(found[0].name)), adds=tuple(found))


def _offer(found: Sequence[StepFile], words: str, asked: Asked) -> str:
    to = asked.to
    lines = [
        f"{place}. {shown(file.name)} {say('in_thread', to, thread=asked.link(file.thread_id, file.thread_name))}"
        for place, file in enumerate(found[:_OFFERED], 1)
    ]
    return "\n\n".join([say("files_which", to), "\n".join(lines), say("files_which_how", to, words=code(words))])


def _called(words: str, files: Iterable[StepFile]) -> list[StepFile]:
    """Those whose name is so, else those whose name has all the words; each content once, the newest first."""
    once: dict[str, StepFile] = {}
    for file in files:
        once.setdefault(file.blob.partition("-")[0], file)
    return named(words, list(once.values()))

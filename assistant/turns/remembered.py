"""What a person's stored history has on a question, for an answer without a model."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datalayer import DataLayer, Store, file_url
from datalayer.search.fusion import fused
from datalayer.search.query import Query, Term
from datalayer.search.results import Hit
from datalayer.search.snippets import Snippet, snippet
from datalayer.search.tokens import tokens
from datalayer.text import fold

from .attachments import StoredFile, searchable

_SHOWN, _FILES_SHOWN = 4, 3
_ASKED = 8
"""Words of a question that are looked for."""
_EACH = 20
"""Messages with one of them that are looked at."""
# Words that say nothing of a question's subject: articles, pronouns, question words, auxiliaries.
COMMON = frozenset(
    fold(
        """
        about also and any are but can could did does for from had has have her his how into its just like more not one
        our out please she should some tell that the their them then there they this was were what when where which who
        why will with would you your
        alors aux avec avez avoir bien ces cet cette comme comment dans des donc elle elles est était être fait faire
        ils leur leurs les lui mais mes moi mon nos notre nous ont par pas peux peut plus pour pourquoi quand que quel
        quelle quels qui quoi sans ses son sont suis sur tes toi ton tous tout très une vos votre vous
        """
    ).split()
)


@dataclass(frozen=True, slots=True)
class FileMatch:
    file: StoredFile
    snippet: Snippet | None
    """Of what is in it; None: its name matches alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best first."""

    messages: tuple[Hit, ...] = ()
    files: tuple[FileMatch, ...] = ()


async def remember(layer: DataLayer, user_id: str, question: str, except_thread: str | None) -> Found:
    """Of each other conversation the message with the most words of ``question``, or the nearest by its meaning where
    an embedding model is configured; and of the latest files those that have some. Raises DataLayerError."""
    words = telling(question)
    if not words:
        return Found()
    by_words = await _messages(layer.store, user_id, words, except_thread)
    near = await layer.store.nearest(user_id, question, _EACH)
    messages = _together(by_words, [hit for hit in near if hit.thread_id != except_thread])
    said = await _in_files(layer, user_id, question, except_thread)
    read = {match.file.element_id for match in said}
    others = [file for file in await searchable(layer, user_id) if file.thread_id != except_thread]
    named = await asyncio.to_thread(_files, words, [file for file in others if file.element_id not in read])
    return Found(messages, await _answering(layer.store, (*said, *named)))


async def _answering(store: Store, matches: Sequence[FileMatch]) -> tuple[FileMatch, ...]:
    """The first of ``matches``, each text once: none of a version that was replaced, or that was taken out."""
    answering: dict[str, set[str]] = {}
    kept: dict[str, FileMatch] = {}
    for match in matches:
        thread, said = match.file.thread_id, match.snippet.text if match.snippet else match.file.element_id
        if thread not in answering:
            files = await store.context_files(thread)
            answering[thread] = {file.element_id for file in files if not file.superseded}
        if match.file.element_id in answering[thread]:
            kept.setdefault(said, match)
        if len(kept) == _FILES_SHOWN:
            break
    return tuple(kept.values())


async def _in_files(layer: DataLayer, user_id: str, question: str, except_thread: str | None) -> list[FileMatch]:
    """The best passage of each of the user's files that say something on ``question``, but for those of one thread,
    which are its own."""
    query = Query(tuple(Term((word,), prefix=False, excluded=False) for word in telling(question)))
    best: dict[str, FileMatch] = {}
    for each in await layer.store.find_in_files(user_id, question, limit=_EACH):
        if each.thread_id != except_thread and each.element_id not in best:
            url = file_url(each.element_id, "")
            file = StoredFile(each.element_id, each.name, url, each.text, each.thread_id, each.thread_name)
            best[each.element_id] = FileMatch(file, snippet(each.text, query))
    return list(best.values())


def telling(question: str) -> list[str]:
    """The words that say what ``question`` is about, the longest first: most of those are rare."""
    said = [word for word in tokens(question) if word not in COMMON and len(word) > (1 if word > "\u07ff" else 2)]
    return sorted(dict.fromkeys(said), key=lambda word: -len(word))[:_ASKED]


async def _messages(store: Store, user_id: str, words: list[str], except_thread: str | None) -> tuple[Hit, ...]:
    found = dict[tuple[str, str | None], Hit]()
    has = defaultdict[tuple[str, str | None], set[str]](set)
    for asked in dict.fromkeys((tuple(words), *((word,) for word in words))):
        alone = " ".join(f'"{word}"' for word in asked)  # and not as the beginning of another one
        for hit in (await store.search(user_id, alone, first=_EACH)).hits:
            if hit.thread_id != except_thread:
                found.setdefault((hit.thread_id, hit.step_id), hit)
                has[hit.thread_id, hit.step_id].update(asked)
        best = _best_of_each_thread(sorted(found, key=lambda key: (-len(has[key]), key[1] is None, -found[key].at)))
        if len(best) >= _SHOWN and all(len(has[key]) == len(words) for key in best[:_SHOWN]):
            break
    return tuple(found[key] for key in best[:_SHOWN])


def _together(by_words: Sequence[Hit], near: Sequence[Hit]) -> tuple[Hit, ...]:
    """Of each conversation one, as in ``search.fusion``."""
    of_thread = {hit.thread_id: hit for hit in (*reversed(near), *reversed(by_words))}
    found = fused([(hit.thread_id for hit in ranking) for ranking in (by_words, near)])
    return tuple(of_thread[thread] for thread in found[:_SHOWN])


def _best_of_each_thread(keys: Iterable[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    best = dict[str, tuple[str, str | None]]()
    for key in keys:
        best.setdefault(key[0], key)
    return list(best.values())


def _files(words: list[str], files: Iterable[StoredFile]) -> tuple[FileMatch, ...]:
    query, found = Query(tuple(Term((word,), prefix=False, excluded=False) for word in words)), []
    for file in files:
        inside = set(tokens(file.text)).intersection(words)
        if count := len(inside.union(set(tokens(file.name)).intersection(words))):
            found.append((count, FileMatch(file, snippet(file.text, query) if inside else None)))
    return tuple(match for _, match in sorted(found, key=lambda each: -each[0]))

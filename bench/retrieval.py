"""Whether the passage that answers a question is found among all passages of a conversation, and how long it takes.

Sixteen files in English and French are attached to one conversation and 224 questions asked, each in other words than
the file has: by words, and by words and vectors of an embedder made for this (``grams.py``). Beside that stands what a
model sees of the answers when the files are put into its window whole, the newest first, and cut where it ends.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from time import perf_counter

import chainlit as cl

from assistant.models.tokens import estimate
from assistant.retrieval.extract import close, read
from datalayer import DataLayer, Embeddings
from datalayer.passages import FileText, Passage, Place

from . import Sizes, asked, library
from .asked import Asked
from .contestants import OURS
from .grams import Grams
from .measure import Result, measure, repeat

Asking = dict[str, list[Asked]]
"""The questions in a language, or in all."""
FUSED = "with vectors"
LANGUAGES, ALL = ("en", "fr"), "en and fr"
HITS = "the answer is in the first five passages, {} ({} questions)"
RANKS = "1 / the place of the first passage with the answer, on average, {} ({} questions)"
INDEXED = "{:,} passages of {:,} contents are kept, one content after the other"
QUICKLY = "find_passages, {:,} passages in {:,} conversations"
WHOLE = "whole files cut at {:,} tokens"
WINDOWS = (8_000, 32_000)
_FIRST, _LOOKED_AT = 5, 20
_SHARE = " of all"
_EACH, _WORDS = 100, 230
"""Passages of a conversation, words of each, where it is timed."""

Find = Callable[[str], Awaitable[Sequence[str]]]
"""The texts that a question finds, the best first."""


async def retrieval(folder: Path, sizes: Sizes) -> list[Result]:
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    texts = {language: asked.texts(language) for language in LANGUAGES}
    written = {text.title: text.written() for some in texts.values() for text in some}
    asking = {
        language: [fact for text in some for fact in text.facts]
        for language, some in {ALL: list(chain.from_iterable(texts.values())), **texts}.items()
    }
    results = [*await _found_by(OURS, None, written, asking, folder), *_whole(written, asking)]
    results += await _found_by(FUSED, Grams(), written, asking, folder)
    return [*results, *await _times(folder, sizes)]


@asynccontextmanager
async def _opened(database: Path, embeddings: Embeddings | None = None) -> AsyncIterator[DataLayer]:
    layer = DataLayer(f"sqlite+aiosqlite:///{database}", embeddings=embeddings)
    try:
        yield layer
    finally:
        await layer.close()


# Whether it is found


async def _found_by(
    contestant: str, embeddings: Embeddings | None, written: dict[str, str], asking: Asking, folder: Path
) -> list[Result]:
    results = []
    async with _opened(folder / f"{contestant}.db", embeddings) as layer:
        await _attach(layer, "asked", written, folder)
        while embeddings and not (await layer.store.passage_counts(embeddings.name)).whole:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        for language, questions in asking.items():
            ranks = await _ranks(questions, lambda question: _found(layer, question))
            found = sum(0 < rank <= _FIRST for rank in ranks) / len(ranks)
            reciprocal = sum(1 / rank for rank in ranks if rank) / len(ranks)
            results += [
                _told(HITS.format(language, len(questions)), contestant, found),
                _told(RANKS.format(language, len(questions)), contestant, reciprocal),
            ]
    return results


def _whole(written: dict[str, str], asking: Asking) -> list[Result]:
    return [
        _told(HITS.format(language, len(questions)), WHOLE.format(window), _seen(written, questions, window))
        for language, questions in asking.items()
        for window in WINDOWS
    ]


async def _attach(layer: DataLayer, thread_id: str, written: dict[str, str], folder: Path) -> None:
    """As the app does."""
    try:
        for title, text in written.items():
            path = folder / "file.md"
            await asyncio.to_thread(path.write_text, text)
            await layer.create_element(cl.File(thread_id=thread_id, name=f"{title}.md", content=text.encode()))
            read_of = await read(path, f"{title}.md", None)
            assert await layer.store.keep_text(hashlib.sha256(text.encode()).hexdigest(), read_of)
    finally:
        await close()


async def _found(layer: DataLayer, question: str) -> list[str]:
    return [each.text for each in await layer.store.find_passages("asked", question, limit=_LOOKED_AT)]


async def _ranks(questions: Sequence[Asked], find: Find) -> list[int]:
    """Of each question, at which place its answer was found; 0: nowhere."""
    ranks = []
    for each in questions:
        texts = [" ".join(text.split()) for text in await find(each.question)]
        ranks.append(next((place for place, text in enumerate(texts, 1) if each.answer in text), 0))
    return ranks


def _seen(written: dict[str, str], questions: Sequence[Asked], window: int) -> float:
    """How many of the answers are in the newest files, as many characters of them as a window holds."""
    shown, left = "", window
    for text in reversed(written.values()):
        part = text if estimate(text) <= left else text[: len(text) * left // estimate(text)]
        shown, left = shown + part, left - estimate(part)
    return sum(each.answer in shown for each in questions) / len(questions)


def _told(case: str, contestant: str, value: float, unit: str = _SHARE) -> Result:
    async def nothing(_result: Result, _number: int) -> float:
        return value

    return Result(case, contestant, nothing, unit=unit, seconds=[value])


# How long it takes


async def _times(folder: Path, sizes: Sizes) -> list[Result]:
    """In one conversation, beside few others and beside many."""
    results = []
    for threads in sizes.read_threads:
        async with _opened(folder / f"{threads}.db") as layer:
            words = library.Words(threads)
            taken = [await _fill(layer, f"thread-{thread}", words) for thread in range(threads)]
            indexed = INDEXED.format(threads * _EACH, threads)
            results.append(_told(indexed, OURS, threads * _EACH / sum(taken), " passages/s"))
            case = quickly(threads)
            asking = partial(_ask, layer, threads, words, sizes.read_for)
            results += await measure([Result(case, OURS, asking)], sizes.rounds)
    return results


def quickly(threads: int) -> str:
    """The case in which there are so many conversations."""
    return QUICKLY.format(threads * _EACH, threads)


async def _ask(
    layer: DataLayer, threads: int, words: library.Words, for_: float, _result: Result, number: int
) -> tuple[float, float]:
    draw = random.Random(number)

    async def ask() -> None:
        thread = f"thread-{draw.randrange(threads)}"
        assert await layer.store.find_passages(thread, " ".join(words.some(8)), limit=_LOOKED_AT)

    return await repeat(ask, for_)


async def _fill(layer: DataLayer, thread_id: str, words: library.Words) -> float:
    """Seconds that it took to keep the text."""
    passages = tuple(Passage(" ".join(words.some(_WORDS)), Place(pages=(n, n))) for n in range(1, _EACH + 1))
    content = thread_id.encode()
    await layer.create_element(cl.File(thread_id=thread_id, name="a book", content=content))
    begun = perf_counter()
    assert await layer.store.keep_text(hashlib.sha256(content).hexdigest(), FileText("bench", passages))
    return perf_counter() - begun

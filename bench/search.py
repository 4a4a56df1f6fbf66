"""What finding something costs, from the commonest word to one that nobody said, beside what the others offer."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import Sizes
from .contestants import BARE, CHAINLIT, OURS, POSTGRES, Bare, Contestant
from .library import CHINESE, DAY, EACH, RARE, Library, Shelf, day
from .measure import Patience, Result, measure, repeat

SOUGHT = "search among {:,} messages: {}"
MISS = "miss"


@dataclass(frozen=True)
class Question:
    """``ours``: as a person types it; ``fts5``: as FTS5 takes it, with ``condition``; None where it has no such thing;
    ``literal``: what Chainlit's layers are asked, which look for the characters as they are."""

    ours: str
    fts5: str | None
    literal: str | None = None
    condition: str = ""


KINDS = ("rare", "middle", "common", "two words", "phrase", "prefix", "Chinese", MISS, "from one side", "of a time")


def sought(threads: int, kind: str) -> str:
    """The case."""
    return SOUGHT.format(threads * EACH, kind)


def questions(shelf: Shelf) -> dict[str, Question]:
    """By kind."""
    words = shelf.words
    common, middle, phrase = words.common, words.middle, words.phrase
    early = shelf.at(0.1) // DAY * DAY
    asked = (
        Question(RARE, RARE, RARE),
        Question(middle, middle, middle),
        Question(common, common, common),
        Question(f"{common} {middle}", f"{common} {middle}", f"{common} {middle}"),
        Question(f'"{phrase}"', f'"{phrase}"', phrase),
        Question(middle[:2], f"{middle[:2]}*", middle[:2]),
        Question(CHINESE[:3], None, CHINESE[:3]),  # FTS5 cuts words at spaces
        Question("qqqqqq", "qqqqqq", "qqqqqq"),
        Question(f"from:assistant {middle}", middle, None, "AND steps.type = 'assistant_message'"),
        Question(f"before:{day(early)} {common}", common, None, f"AND steps.created_at < {early}"),
    )
    return dict(zip(KINDS, asked, strict=True))


async def search(_folder: Path, sizes: Sizes, library: Library) -> list[Result]:
    results: list[Result] = []
    patience = Patience(sizes.patience)
    async with AsyncExitStack() as stack:
        for threads in sizes.threads[1:]:
            shelf = await library.of(threads)
            opened = await library.opened(stack, shelf)
            for kind, question in questions(shelf).items():
                whole = len(await opened[OURS].search(question.ours))
                for name, asked in _asked(question).items():
                    if asked is not None and name in opened:
                        run = partial(_search, opened[name], question, asked, whole, threads, patience, sizes.read_for)
                        results.append(Result(sought(threads, kind), name, run))
        return await measure(results, sizes.rounds, slow=sizes.slow)


def _asked(question: Question) -> dict[str, str | None]:
    return {OURS: question.ours, CHAINLIT: question.literal, BARE: question.fts5, POSTGRES: question.literal}


async def _search(
    contestant: Contestant,
    question: Question,
    asked: str,
    whole: int,
    size: int,
    patience: Patience,
    at_least: float,
    result: Result,
    _round: int,
) -> tuple[float, float]:
    """``whole``: how many of the first page there are."""
    more = (question.condition,) if isinstance(contestant, Bare) else ()

    async def call() -> None:
        found = len(
            await patience.wait(result, "search", size, partial(contestant.search, asked, *more), contestant.interrupt)
        )
        if result.contestant in (OURS, BARE) and (found == 0) != result.case.endswith(MISS):
            raise RuntimeError(f"{result.case}: {result.contestant} found {found}")
        if result.contestant in (CHAINLIT, POSTGRES) and found != whole:
            result.note, result.complete = f"found {found} of {whole}", False

    return await repeat(call, at_least)

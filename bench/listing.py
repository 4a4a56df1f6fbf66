"""The list of conversations, its first page and one far down, in stores of any size."""

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from . import Sizes
from .contestants import OURS, PAGE
from .library import Library, Shelf
from .measure import GivenUp, Patience, Result, measure, repeat

LIST, LATER = "first page of {:,} threads", "page {} of {:,} threads"
FAR = 50


def later(threads: int) -> str:
    """The case of a page far down: the 50th, or the last where there are fewer."""
    return LATER.format(_far(threads), threads)


def _far(threads: int) -> int:
    return min(FAR, -(-threads // PAGE))


async def pages(_folder: Path, sizes: Sizes, library: Library) -> list[Result]:
    results: list[Result] = []
    patience = Patience(sizes.patience)
    async with AsyncExitStack() as stack:
        for threads in sizes.threads:
            shelf = await library.of(threads)
            opened = await library.opened(stack, shelf)
            for case, number in ((LIST.format(threads), 0), (later(threads), _far(threads) - 1)):
                for name, contestant in opened.items():
                    run = partial(_page, contestant, shelf, number, patience, sizes.read_for)
                    results.append(Result(case, name, run))
        return await measure(results, sizes.rounds, slow=sizes.slow)


async def _page(
    contestant: Any, shelf: Shelf, number: int, patience: Patience, at_least: float, result: Result, _round: int
) -> tuple[float, float]:
    after = await contestant.cursor(shelf, number)
    last = min(shelf.threads, (number + 1) * PAGE)
    wanted = [shelf.newest(n) for n in range(number * PAGE, last)]

    async def call() -> None:
        what = "a page far down" if number else "the first page"
        found = await patience.wait(result, what, shelf.threads, partial(contestant.page, after), contestant.interrupt)
        if [thread["id"] for thread in found] != wanted:
            if result.contestant == OURS:
                raise RuntimeError(f"{result.case}: not the threads of that page")
            raise GivenUp("shows others than this page's")

    return await repeat(call, at_least)

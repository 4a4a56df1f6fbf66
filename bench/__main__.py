"""``python -m bench [--quick] [--only NAME ...] [--rounds N] [--folder PATH] [--to PATH]``: prints Markdown.

A whole run, or one of the groups of ``bench.EVIDENCE``, also writes it to bench/RESULTS.md, and its plot to
docs/cost.png; a quick one does not, unless ``--to`` names a folder for both.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from . import EVIDENCE, NAMES, QUICK, Sizes
from .measure import Missing, Result

if TYPE_CHECKING:
    from .results import Run

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="measured rounds, after one that is not counted")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, measures nothing")
    parser.add_argument("--only", choices=(*NAMES, "evidence"), nargs="+", help="some groups of cases")
    parser.add_argument("--folder", default=".", help="where the databases are made: on the disk to be measured")
    parser.add_argument("--to", type=Path, help="a folder for RESULTS.md and cost.png")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else Sizes()
    if arguments.rounds:
        sizes = replace(sizes, rounds=max(1, arguments.rounds))
    chosen = set(arguments.only or NAMES)
    chosen |= set(EVIDENCE) if "evidence" in chosen else set()
    names = tuple(name for name in NAMES if name in chosen)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was made on servers is dropped
    logging.getLogger("chainlit").setLevel(logging.CRITICAL)
    with TemporaryDirectory(prefix=".bench-", dir=arguments.folder) as folder:
        # Chainlit reads and writes its configuration where it is imported: not in the app that is being developed.
        os.environ["CHAINLIT_APP_ROOT"] = str(Path(folder).absolute())
        run = asyncio.run(_run(Path(folder).absolute(), sizes, names))
    from . import results  # it imports Chainlit

    print(page := results.page(run, quick=arguments.quick))
    if arguments.to:
        results.write(page, run, arguments.to / "RESULTS.md", arguments.to / "cost.png")
    elif not arguments.quick and set(names) >= set(EVIDENCE) and not run.failed:
        results.write(page, run, ROOT / "bench" / "RESULTS.md", ROOT / "docs" / "cost.png")
    sys.exit(1 if run.failed else 0)


async def _run(folder: Path, sizes: Sizes, names: tuple[str, ...]) -> "Run":
    from . import contestants, machine
    from .results import Run

    gc.freeze()  # as the app does when it has started
    contestants.sign_in()
    run = Run(sizes, await machine.described(folder))
    await _measure(run, folder, names)
    return run


async def _measure(run: "Run", folder: Path, names: tuple[str, ...]) -> None:
    """A group that fails costs nothing of the others'."""
    from . import (
        carry,
        cases,
        chats,
        durability,
        extraction,
        flood,
        hot,
        http,
        library,
        listing,
        long,
        organised,
        paint,
        retrieval,
        scale,
        search,
        servers,
        sessions,
        start,
    )

    async with AsyncExitStack() as stack:
        books = library.Library(folder / "library", stack, run.sizes.patience)
        works: tuple[Callable[[Path, Sizes], Awaitable[list[Result]]], ...] = (
            *(partial(of, library=books) for of in (listing.pages, search.search, start.start)),
            *(cases.create, cases.concurrent, cases.resume, servers.servers),
            *(durability.stream, durability.back_up, chats.chats, chats.screens, chats.locked, hot.hot, flood.flood),
            *(paint.paint, long.long, scale.scale, organised.organised, retrieval.retrieval, carry.carry),
            *(extraction.extraction, sessions.sessions, partial(http.http, library=books)),
        )
        for name, work in zip(NAMES, works, strict=True):
            if name in names:
                print(f"{name} …", file=sys.stderr, flush=True)
                started = time.perf_counter()
                try:
                    run.groups[name] = await work(folder / name, run.sizes)
                except Missing as what:
                    run.missing[name] = str(what)
                except Exception as error:
                    run.failed[name] = f"{type(error).__name__}: {error}"
                    traceback.print_exc()
                print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

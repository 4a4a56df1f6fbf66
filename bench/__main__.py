"""``python -m bench [--rounds N] [--quick] [--only NAME] [--folder PATH]``: prints Markdown."""

import argparse
import asyncio
import gc
import logging
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from . import NAMES, QUICK, Sizes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="measured rounds, after one that is not counted")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, measures nothing")
    parser.add_argument("--only", choices=NAMES, help="one group of cases")
    parser.add_argument("--folder", default=".", help="where the databases are made: on the disk to be measured")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else Sizes()
    if arguments.rounds:
        sizes = replace(sizes, rounds=max(1, arguments.rounds))
    logging.getLogger("chainlit").setLevel(logging.CRITICAL)
    with TemporaryDirectory(prefix=".bench-", dir=arguments.folder) as folder:
        # Chainlit reads and writes its configuration where it is imported: not in the app that is being developed.
        os.environ["CHAINLIT_APP_ROOT"] = str(Path(folder).absolute())
        asyncio.run(_run(Path(folder).absolute(), sizes, (arguments.only,) if arguments.only else NAMES))


async def _run(folder: Path, sizes: Sizes, names: tuple[str, ...]) -> None:
    from . import cases, chats, contestants, durability, flood, hot, long, paint, report, scale, search, servers

    groups = (
        *(cases.create, cases.concurrent, cases.list_threads, cases.resume),
        *(
            durability.stream,
            durability.back_up,
            chats.chats,
            chats.screens,
            chats.locked,
            hot.hot,
            flood.flood,
            paint.paint,
            long.long,
            search.search,
            servers.servers,
            scale.scale,
        ),
    )
    print(report.environment(), flush=True)
    gc.freeze()  # as the app does when it has started
    contestants.sign_in()
    results = []
    for name, group in zip(NAMES, groups, strict=True):
        if name in names:
            started = time.perf_counter()
            results += await group(folder / name, sizes)
            print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    print(report.table(results), report.notes(sizes), report.expected(results, sizes), sep="\n")


if __name__ == "__main__":
    main()

"""``python -m bench [--rounds N] [--quick] [--full] [--only NAME] [--folder PATH]``: prints Markdown."""

import argparse
import asyncio
import logging
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from . import NAMES, QUICK, Sizes


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="measured rounds, after one that is not counted")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, measures nothing")
    parser.add_argument("--full", action="store_true", help="Chainlit's layer lists the largest store too (minutes)")
    parser.add_argument("--only", choices=NAMES, help="one group of cases")
    parser.add_argument("--folder", default=".", help="where the databases are made: on the disk to be measured")
    return parser.parse_args()


def _sizes(arguments: argparse.Namespace) -> Sizes:
    sizes = QUICK if arguments.quick else Sizes()
    if arguments.rounds:
        sizes = replace(sizes, rounds=max(1, arguments.rounds))
    return replace(sizes, chainlit_lists_up_to=max(sizes.users_threads)) if arguments.full else sizes


def main() -> None:
    arguments = _arguments()
    sizes = _sizes(arguments)
    names = (arguments.only,) if arguments.only else NAMES
    logging.getLogger("chainlit").setLevel(logging.CRITICAL)
    with TemporaryDirectory(prefix=".bench-", dir=arguments.folder) as folder:
        # Chainlit reads and writes its configuration where it is imported: not in the app that is being developed.
        os.environ["CHAINLIT_APP_ROOT"] = str(Path(folder).absolute())
        from . import cases, report

        print(report.environment(), flush=True)
        results = asyncio.run(cases.run(Path(folder), sizes, names))
    print(report.table(results))
    print(report.notes(sizes))
    print(report.expected(results, quick=arguments.quick))


if __name__ == "__main__":
    main()

"""One import in a process of its own: how long it takes, and how much memory the process has had."""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from datalayer.store import Store
from exchange import run_import
from exchange.commands.common import collect_seldom

USER = "local"


async def _alone(path: Path) -> dict[str, float]:
    """``path``: the export; the store is beside it, with the ending ``.db``."""
    store = Store(f"sqlite+aiosqlite:///{path.with_suffix('.db')}")
    await store.open()
    try:
        started = time.perf_counter()
        report = await run_import(store, path, USER)
        seconds = time.perf_counter() - started
    finally:
        await store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000  # Linux counts kilobytes
    return {"seconds": seconds, "messages": report.messages, "peak": peak}


if __name__ == "__main__":
    collect_seldom()  # as the command does
    print(json.dumps(asyncio.run(_alone(Path(sys.argv[1])))))

"""Conversations into a store, beside a bare ``executemany`` of the same rows: how many messages a second, and in how
much memory. The import runs in a process of its own (``brought.py``), whose memory is nobody else's."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from . import Sizes
from .contestants import BARE, OURS
from .library import BEGAN, EACH, Words
from .measure import Result, measure

CASE = "{:,} messages of {:,} threads in from ChatGPT's export"
PEAK = "{:,} threads in: memory at most"
_SECOND = 1_000_000
_ROWS = 10_000


async def bring(folder: Path, sizes: Sizes) -> list[Result]:
    results: list[Result] = []
    for threads in sizes.brought:
        path = folder / f"{threads}.json"
        _export(path, threads)
        case = CASE.format(threads * EACH, threads)
        ours = Result(case, OURS, partial(_import, path, threads), "/s")
        peak = Result(PEAK.format(threads), OURS, partial(_peak, path), " MB")
        bare = Result(case, BARE, partial(_bare, path, threads), "/s")
        results += await measure([ours, peak, bare], 0, slow=0)  # the first time is the only one that stores anything
        _remove(folder, threads)
    return results


def _remove(folder: Path, threads: int) -> None:
    for made in folder.glob(f"{threads}.*"):
        if made.is_file():
            made.unlink()


def _export(path: Path, threads: int) -> None:
    words = Words(threads)
    with path.open("w") as file:
        for number in range(threads):
            file.write("[" if number == 0 else ",\n")
            json.dump(_conversation(number, words), file)
        file.write("]")


def _conversation(number: int, words: Words) -> dict[str, Any]:
    at = (BEGAN + number * 60 * _SECOND) / _SECOND
    nodes: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": [f"{number}-0"]}}
    for place in range(EACH):
        key, role = f"{number}-{place}", ("user", "assistant")[place % 2]
        message = {
            **{"id": key, "author": {"role": role, "name": None, "metadata": {}}, "create_time": at + place},
            **{"content": {"content_type": "text", "parts": [" ".join(words.some(30))]}, "recipient": "all"},
            **{"status": "finished_successfully", "weight": 1.0},
            "metadata": {"model_slug": "gpt-4o"} if place % 2 else {},
        }
        parent = f"{number}-{place - 1}" if place else "root"
        children = [f"{number}-{place + 1}"] if place + 1 < EACH else []
        nodes[key] = {"id": key, "message": message, "parent": parent, "children": children}
    times = {"create_time": at, "update_time": at + EACH, "current_node": f"{number}-{EACH - 1}"}
    return {"id": f"c{number}", "title": " ".join(words.some(4)), "mapping": nodes, **times}


async def _import(path: Path, threads: int, result: Result, _number: int) -> float:
    """Seconds of a message, until all are durable."""
    command = [sys.executable, "-m", "bench.brought", str(path)]
    done = await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.PIPE)
    told = json.loads(done.stdout)
    if told["messages"] != threads * EACH:
        raise RuntimeError("Not all messages came in")
    path.with_suffix(".peak").write_text(str(told["peak"]))
    result.note = f"at most {told['peak']:.0f} MB"
    return float(told["seconds"]) / (threads * EACH)


async def _peak(path: Path, _result: Result, _number: int) -> float:
    return float(path.with_suffix(".peak").read_text())


async def _bare(path: Path, threads: int, _result: Result, _number: int) -> float:
    """The same rows into the same table with its indexes, and nothing else. What reads them is not timed."""
    taken, rows = 0.0, 0
    with closing(sqlite3.connect(path.with_suffix(".db"))) as source, _table(source, path) as target:
        target.execute("PRAGMA journal_mode=WAL")
        target.execute("PRAGMA synchronous=FULL")
        for some in _some(source):
            insert = f"INSERT INTO steps VALUES ({', '.join('?' * len(some[0]))})"
            started = time.perf_counter()
            with target:
                target.executemany(insert, some)
            taken += time.perf_counter() - started
            rows += len(some)
    if rows != threads * EACH:
        raise RuntimeError("Not all rows came in")
    return taken / rows


def _table(source: sqlite3.Connection, path: Path) -> "closing[sqlite3.Connection]":
    target = sqlite3.connect(path.with_suffix(".bare"))
    made = "SELECT sql FROM sqlite_master WHERE tbl_name = 'steps' AND sql IS NOT NULL ORDER BY type DESC"
    for (statement,) in source.execute(made).fetchall():
        target.execute(statement)
    return closing(target)


def _some(source: sqlite3.Connection) -> Iterator[list[Any]]:
    found = source.execute("SELECT * FROM steps ORDER BY seq")
    while some := found.fetchmany(_ROWS):
        yield some

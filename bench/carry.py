"""Conversations out of a store, in each format, beside a bare SELECT of the same rows and ``json.dumps``."""

import json
import os
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import exchange
from datalayer import readonly
from datalayer.place import Place

from . import Sizes, bring, library
from .contestants import BARE, OURS
from .data import USER_ID
from .library import EACH, Words
from .measure import Result, measure

CASE = "{:,} messages of {:,} threads out as {}"
FORMATS = {"json": ".json", "jsonl": ".jsonl", "markdown": ".zip", "html": ".zip"}


async def carry(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder, exist_ok=True)
    results: list[Result] = []
    for threads in sizes.carried:
        path = folder / f"{threads}.db"
        library.fill(path, threads, Words(threads))
        for name in FORMATS:
            case = CASE.format(threads * EACH, threads, name)
            results.append(Result(case, OURS, partial(_export, path, name, threads), "/s"))
            if name == "json":
                results.append(Result(case, BARE, partial(_bare, path, threads), "/s"))
    return await measure(results, sizes.rounds) + await bring.bring(folder, sizes)


async def _export(path: Path, name: str, threads: int, _result: Result, number: int) -> float:
    """Seconds of a message, until the file is written."""
    out = path.with_name(f"out{number}{FORMATS[name]}")
    started = time.perf_counter()
    async with readonly.opened(Place.beside(path)) as source:
        packed = "zip" if out.suffix == ".zip" else "plain"
        made = await exchange.export(source, exchange.Selection(USER_ID), name, packed=packed)  # type: ignore[arg-type]
        with out.open("wb") as file:
            async for piece in made.pieces:
                file.write(piece)
    taken = time.perf_counter() - started
    if name == "json" and len(json.loads(out.read_bytes())["threads"]) != threads:
        raise RuntimeError("Not all threads came out")
    out.unlink()
    return taken / (threads * EACH)


async def _bare(path: Path, threads: int, _result: Result, number: int) -> float:
    """All columns of all steps, in the order of their threads."""
    out, rows = path.with_name(f"bare{number}.jsonl"), 0
    started = time.perf_counter()
    with closing(sqlite3.connect(path)) as db, out.open("w") as file:
        db.row_factory = sqlite3.Row
        steps = "SELECT steps.* FROM threads JOIN steps ON steps.thread_id = threads.id WHERE threads.user_id = ?"
        for row in db.execute(f"{steps} ORDER BY threads.created_at, threads.id, steps.created_at", (USER_ID,)):
            file.write(json.dumps(dict(row), ensure_ascii=False) + "\n")
            rows += 1
    taken = time.perf_counter() - started
    if rows != threads * EACH:
        raise RuntimeError("Not all messages came out")
    out.unlink()
    return taken / rows

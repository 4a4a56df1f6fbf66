"""What it costs that nothing is lost: answers that are saved while they stream, and backups that are proven."""

import asyncio
import os
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import chainlit as cl
from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession

from assistant.screen.streaming import Streaming
from datalayer import DataLayer, backup
from datalayer.place import Place

from . import Sizes, data
from .contestants import OURS, USER_ASKING
from .measure import Result, measure

PACED, UNPACED = "answer of {:,} tokens, a fast model's pace", "answer of {:,} tokens, as fast as it goes"
BACKUP = "backup of {:,} threads and {:,} files of 1 MB"
UNSAVED, VERIFY, COPY = "without saving", "the check alone", "plain copy, synced"
BURST, PAUSE = 20, 0.015
"""Tokens that the network brings together, and the seconds until the next ones: 4,000 tokens in 3 s."""


class _Unsaved(DataLayer):
    async def update_step(self, step_dict: Any) -> None:
        pass


async def stream(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder)
    path = folder / "threads.db"
    (held,) = data.conversations(1, 2)
    data.fill_ours(path, [held])
    layers = {OURS: DataLayer(f"sqlite+aiosqlite:///{path}"), UNSAVED: _Unsaved(f"sqlite+aiosqlite:///{path}")}
    results = []
    for case, pause in ((PACED, PAUSE), (UNPACED, 0)):
        for name, layer in layers.items():
            run = partial(_answer, layer, path, held.id, sizes.tokens, pause)
            results.append(Result(case.format(sizes.tokens), name, run, " tokens/s"))
    try:
        return await measure(results, sizes.rounds)
    finally:
        for layer in layers.values():
            await layer.close()


async def _answer(layer: DataLayer, path: Path, thread: str, tokens: int, pause: float, *_: Any) -> float:
    session = WebsocketSession(
        id=str(uuid.uuid4()),
        socket_id="bench",
        emit=_nowhere,  # type: ignore[arg-type]  # it is awaited
        emit_call=_nowhere,
        user_env={},
        client_type="webapp",
        user=USER_ASKING,
        thread_id=thread,
    )
    session.has_first_interaction = True
    init_ws_context(session)
    message = cl.Message("", author="bot")
    started = time.perf_counter()
    async with Streaming(layer, message) as answer:
        async for token in _model(tokens, pause):
            await answer.show(token)
    taken = time.perf_counter() - started
    expected = None if isinstance(layer, _Unsaved) else (message.content, "complete")
    if data.stored(path, "SELECT output, status FROM steps WHERE id = ?", message.id) != expected:
        raise RuntimeError("The answer is not stored as it was shown")
    return taken / tokens


async def _model(tokens: int, pause: float) -> AsyncIterator[str]:
    for number in range(tokens):
        await asyncio.sleep(0 if number % BURST else pause)
        yield f"{number % 10_000:04} "


async def _nowhere(*_: Any) -> None:
    """Where a session's events go."""


async def back_up(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder)
    place, target = Place.beside(folder / "threads.db"), folder / "copy"
    held = list(data.conversations(sizes.backup_threads, sizes.steps_each))
    data.fill_ours(place.database, held)
    data.attach(place, held[0].id, sizes.backup_files)
    files = [place.database, *(path for path in place.files.rglob("*") if path.is_file())]
    megabytes = sum(path.stat().st_size for path in files) / 1e6

    def copy() -> None:
        os.makedirs(target)
        for file in files:
            shutil.copyfile(file, target / file.name)
            with open(target / file.name, "rb") as written:
                os.fsync(written.fileno())

    def check() -> None:
        if (made := backup.newest(place.backups)) is None or backup.verify(made).problems:
            raise RuntimeError("The backup is not whole")

    def remove() -> None:
        for made in (place.backups, target):
            shutil.rmtree(made, ignore_errors=True)

    # In this order in each round: the check reads what was just made.
    works: dict[str, Callable[[], object]] = {OURS: partial(backup.make, place), VERIFY: check, COPY: copy}
    case = BACKUP.format(sizes.backup_threads, sizes.backup_files)
    results = [Result(case, name, partial(_timed, work, megabytes), " MB/s") for name, work in works.items()]
    return await measure(results, sizes.rounds, before=remove)


async def _timed(work: Callable[[], object], megabytes: float, *_: Any) -> float:
    started = time.perf_counter()
    await asyncio.to_thread(work)
    return (time.perf_counter() - started) / megabytes

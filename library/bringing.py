"""Imports of the people of an app: each person has one, from the upload to its report, which all of their tabs see.

Always true: what was uploaded is gone from the disk once its import has ended, however that was; what nobody decides
about is removed after a while, and soon after its owner has signed out.
"""

import asyncio
import errno
import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import exchange
from datalayer import DataLayerError, Store, StoreUnavailable
from exchange.importing import Report, bounded

from .uploads import Refused

logger = logging.getLogger("datalayer")
State = Literal["uploading", "trying", "tried", "none", "running", "done", "stopped", "failed"]
"""``tried``: the report of a dry run waits for its reader; ``none``: it has nothing that could be brought in."""
HELD = 8
"""People who have a file here at a time."""
PAUSE, PAUSES = 10.0, 180
"""Seconds after which it is looked whether the owner is still signed in, and how often, before a file is removed."""
AT_WORK = ("uploading", "trying", "running")


@dataclass(eq=False, slots=True)
class Import:
    identifier: str
    user_id: str
    signed_in: Callable[[], Awaitable[bool]]
    folder: Path
    path: Path | None = None
    state: State = "uploading"
    done: int = 0
    """Conversations that have been gone through."""
    total: int = 0
    """Conversations that there are; 0: nobody knows yet."""
    report: Report | None = None
    failure: str = ""
    """The key of the sentence that says why it failed."""
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def at_work(self) -> bool:
        return self.state in AT_WORK


class Imports:
    """``most``: bytes of a file. ``storage``: bytes that the files of one person may take; None: any number."""

    def __init__(self, store: Store, most: int, storage: int | None) -> None:
        self._store, self.most, self._storage = store, most, storage
        self._of = dict[str, Import]()

    def of(self, user_id: str) -> Import | None:
        return self._of.get(user_id)

    def begin(self, identifier: str, user_id: str, signed_in: Callable[[], Awaitable[bool]]) -> Import:
        """Room for a file of this person's, which takes the place of one that is not being worked on. Raises Refused,
        OSError."""
        if (before := self._of.get(user_id)) is not None and before.at_work:
            raise Refused("import_already", 409)
        self.forget(user_id)
        if sum(each.path is not None or each.at_work for each in self._of.values()) >= HELD:
            raise Refused("import_busy", 429)
        folder = Path(tempfile.mkdtemp(prefix="threadkeep-import-"))
        begun = self._of[user_id] = Import(identifier, user_id, signed_in, folder)
        return begun

    def look(self, one: Import, path: Path) -> None:
        """A dry run of what has been uploaded."""
        one.path = path
        self._start(one, "trying")

    def bring(self, one: Import) -> None:
        """Nothing happens twice: only what was tried is brought in."""
        if one.state == "tried":
            self._start(one, "running")

    def stop(self, one: Import) -> None:
        if one.state in ("trying", "running") and one.task is not None:
            one.state = "stopped"
            one.task.cancel()

    def forget(self, user_id: str) -> None:
        """As if there had been none; not of what is being worked on."""
        one = self._of.get(user_id)
        if one is not None and not one.at_work:
            del self._of[user_id]
            self._remove(one)
            if one.task is not None:
                one.task.cancel()

    def give_up(self, one: Import) -> None:
        """Its file did not come."""
        if self._of.get(one.user_id) is one:
            del self._of[one.user_id]
        self._remove(one)

    def _start(self, one: Import, state: Literal["trying", "running"]) -> None:
        if one.task is not None:
            one.task.cancel()
        one.total = one.report.read if one.report else 0
        one.state, one.done, one.report = state, 0, None
        one.task = asyncio.create_task(self._run(one, dry_run=state == "trying"))

    async def _run(self, one: Import, dry_run: bool) -> None:
        try:
            await self._import(one, dry_run)
        except asyncio.CancelledError:
            if one.at_work:
                one.state = "stopped"
        except (DataLayerError, OSError) as error:
            logger.warning("An import ended: %s", type(error).__name__)
            one.state, one.failure = "failed", _why(error)
        except Exception:
            logger.exception("An import ended")
            one.state, one.failure = "failed", "import_failed"
        finally:
            if one.state != "tried":
                self._remove(one)
        if one.state == "tried":
            await self._wait(one)

    async def _import(self, one: Import, dry_run: bool) -> None:
        assert one.path is not None

        def told(done: int) -> None:
            one.done = done

        async with bounded.turn(one.user_id):
            used = (await self._store.stored_files(one.user_id)).bytes
            one.report = await exchange.run_import(
                self._store,
                one.path,
                one.identifier,
                actor=one.identifier,
                dry_run=dry_run,
                progress=told,
                limits=bounded.LIMITS,
                room=None if self._storage is None else max(0, self._storage - used),
            )
        one.state = "done" if not dry_run else "tried" if one.report.stored else "none"

    async def _wait(self, one: Import) -> None:
        for _ in range(PAUSES):
            await asyncio.sleep(PAUSE)
            try:
                if not await one.signed_in():
                    break
            except DataLayerError:  # nobody knows at the moment
                continue
        self.forget(one.user_id)

    def _remove(self, one: Import) -> None:
        """To remove a large file takes a moment, which nobody waits for."""
        one.path = None
        asyncio.get_running_loop().run_in_executor(None, lambda: shutil.rmtree(one.folder, ignore_errors=True))


def _why(error: Exception) -> str:
    if isinstance(error, bounded.Busy):
        return "import_already"
    if isinstance(error, StoreUnavailable):
        return "import_away"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "import_no_room"
    return "import_failed"

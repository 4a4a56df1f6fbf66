"""People who talk without an end, and what each was told is saved: to be compared with what is stored afterwards.

``main`` does so in a process of its own.
"""

import asyncio
import json
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainlit.user import User

from datalayer import DataLayer
from datalayer.records import now
from datalayer.writes import RecordUsage
from tests.conftest import make_step, new_id, steps_of

PEOPLE, PAUSE = 6, 0.05
"""Of whom each pauses for so many seconds after each call."""


@dataclass
class Talks:
    """``threads``: by id, the outputs of their steps by id, in the order of the calls. ``spent``: ids of usage rows."""

    layer: DataLayer
    threads: dict[str, dict[str, str]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    spent: list[str] = field(default_factory=list)
    calls: int = 0
    over: bool = False

    async def run(self, people: int = PEOPLE) -> None:
        """Until it is ``over``. Raises what a call raises: none may."""
        users = [await self.layer.create_user(User(identifier=new_id())) for _ in range(people)]
        await asyncio.gather(*(self._talk(user) for user in users))

    async def _talk(self, user: Any) -> None:
        while not self.over:
            thread = new_id()
            await self._told(self.layer.update_thread(thread, name="talk", user_id=user.id))
            for _ in range(random.randrange(1, 5)):
                await self._turn(thread)

    async def _turn(self, thread: str) -> None:
        told = self.threads.setdefault(thread, {})
        asked = make_step(thread, type="user_message", output="a question " * 20)
        answer = make_step(thread, parentId=asked["id"], output="", streaming=True)
        await self._told(self.layer.create_step(asked))
        told[asked["id"]] = asked["output"]
        for number in range(random.randrange(1, 6)):
            answer["output"] += f"word{number} "
            await self._told(self.layer.update_step(dict(answer)))
            told[answer["id"]] = answer["output"]
        if random.random() < 0.2:
            await self._told(self.layer.delete_step(answer["id"]))
            del told[answer["id"]]
            self.deleted.append(answer["id"])
        call = new_id()
        given: dict[str, Any] = {"thread_id": thread, "id": call, "kind": "turn", "model": "m", "provider": "p"}
        await self._told(
            self.layer.store.submit(RecordUsage(**given, status="complete", started_at=now(), latency=1, first_token=1))
        )
        self.spent.append(call)

    async def _told(self, call: Any) -> None:
        await call
        self.calls += 1
        await asyncio.sleep(PAUSE)

    async def more(self, calls: int) -> None:
        """Returns when that many more have returned."""
        end = self.calls + calls
        while self.calls < end:  # noqa: ASYNC110 - what it waits for are calls of others
            await asyncio.sleep(0.001)

    def told(self) -> dict[str, Any]:
        return {"threads": self.threads, "deleted": self.deleted, "spent": self.spent}


async def assert_kept(layer: DataLayer, told: dict[str, Any]) -> None:
    """All that was told is stored, in order, and nothing that was deleted."""
    for thread, outputs in told["threads"].items():
        stored = {key: step["output"] for key, step in (await steps_of(layer, thread)).items()}
        assert list(stored.items()) == list(outputs.items())
        assert not stored.keys() & set(told["deleted"])


async def stored_everything(layer: DataLayer) -> None:
    """Returns when nothing waits in the spool any more."""
    async with asyncio.timeout(120):
        while not await layer.store.catch_up():  # noqa: ASYNC110 - a server comes back
            await asyncio.sleep(0.1)
    assert await layer.health() == {"state": "ok", "pending": 0}


async def _talk_on(url: str, folder: Path) -> None:
    layer = DataLayer(url, files=folder / "files", spool=folder / "spool")
    talks = Talks(layer)
    running = asyncio.create_task(talks.run())
    while not running.done() and not (folder / "over").exists():
        await talks.more(10) if talks.calls else await asyncio.sleep(0.01)
        print(talks.calls, flush=True)
    talks.over = True
    await running
    await stored_everything(layer)
    await layer.close()
    print(json.dumps(talks.told()), flush=True)


def main() -> None:
    """``sys.argv``: a URL, a folder. Until the file ``over`` is in it; then all that was told is printed as JSON, after
    lines with the number of calls so far."""
    asyncio.run(_talk_on(sys.argv[1], Path(sys.argv[2])))

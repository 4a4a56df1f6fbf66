"""I2, I7, I10: the power goes. Whatever a cut leaves of the disk, what was acknowledged is there, and nothing is half.

Each story below runs once, for real, and its calls to the system are recorded; ``disk.py`` then makes the states that a
cut in the middle could leave, and the store is opened on each as after a reboot. Every state is drawn from a seed that
a failure prints; ``CUTS_SEED`` repeats it.
"""

import asyncio
import hashlib
import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from datalayer import backup as backing
from datalayer.place import Place
from datalayer.store import Store
from tests.conftest import missing, often
from tests.contents import content_in
from tests.faults.disk import Call, Disk, calls, lay_out, record

SEED = int(os.environ.get("CUTS_SEED") or random.randrange(10**6))
CUTS = often(120, 3_000)

# What the stories share. ``tell`` writes one line: "call KEY VALUE" before a change is asked for, "done KEY VALUE" when
# it was acknowledged. A KEY is a kind and an id; a VALUE without spaces, "-" for nothing.
PRELUDE = """
import asyncio, hashlib, os, random, sqlite3, sys, threading, uuid
from pathlib import Path
from chainlit.user import User
from datalayer import DataLayer
from datalayer import backup as backing
from datalayer.durable import make_folder
from datalayer.place import Place

ROOT = Path(sys.argv[1])
PLACE = Place.beside(ROOT / "threads.db", spool=ROOT / "elsewhere" / "spool")
make_folder(PLACE.spool.parent)
draw = random.Random(4)

def tell(*words):
    os.write(1, (" ".join(words) + "\\n").encode())

class File:
    def __init__(self, thread, step, content):
        self.id, self.thread_id, self.type = str(uuid.uuid4()), thread, "file"
        self.path, self.content, self.for_id = None, content, step
    def to_dict(self):
        return {"id": self.id, "threadId": self.thread_id, "forId": self.for_id, "type": "file", "name": "f"}

async def change(key, value, call):
    tell("call", key, value)
    await call
    tell("done", key, value)

def message(thread, kind, output, **values):
    return {"id": str(uuid.uuid4()), "threadId": thread, "type": kind, "name": kind, "output": output, **values}

async def store(layer, step):
    await change("step:" + step["id"], step["output"], layer.create_step(step))

async def attach(layer, thread, step, size):
    file = File(thread, step, draw.randbytes(size))
    await change("file:" + file.id, hashlib.sha256(file.content).hexdigest(), layer.create_element(file))
    return file

async def name(layer, thread, name):
    await change("thread:" + thread, name, layer.update_thread(thread, name=name))

async def arrive(layer):
    await change("user:kim", "kim", layer.create_user(User(identifier="kim")))
    return await layer.get_user("kim")

async def talk(layer, user, turns):
    thread = str(uuid.uuid4())
    await layer.update_thread(thread, user_id=user.id)
    for n in range(turns):
        await name(layer, thread, f"name{n}")
        asked = message(thread, "user_message", "question" * draw.choice([1, 50, 900]))
        await store(layer, asked)
        answer = message(thread, "assistant_message", "", parentId=asked["id"], streaming=True, status="streaming")
        for word in range(3):
            answer["output"] += f"word{word}"
            await change("step:" + answer["id"], answer["output"], layer.update_step(dict(answer)))
        answer |= {"output": answer["output"] + "end", "streaming": False, "status": "complete"}
        await change("step:" + answer["id"], answer["output"], layer.update_step(answer))
        file = await attach(layer, thread, asked["id"], draw.choice([10, 5000, 60_000]))
        if n % 3 == 2:
            await change("file:" + file.id, "-", layer.delete_element(file.id, thread))
            await change("step:" + answer["id"], "-", layer.delete_step(answer["id"]))
    return thread

def lock():
    other = sqlite3.connect(PLACE.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other

def run(story):
    asyncio.run(story(DataLayer(f"sqlite+aiosqlite:///{PLACE.database}", spool=PLACE.spool)))
"""

FIRST_USE = """
async def story(layer):
    user = await arrive(layer)
    await asyncio.gather(*(talk(layer, user, 8) for _ in range(3)))
    await layer.close()
run(story)
"""

# The database is locked, writes go to the spool; some are stored later, the others are left to the next process, which
# goes on to change what they have changed.
SPOOL = """
async def story(layer):
    user = await arrive(layer)
    thread = await talk(layer, user, 2)
    other = lock()
    await talk(layer, user, 2)
    await name(layer, thread, "while-locked")
    other.close()
    while (await layer.health())["pending"]:
        await asyncio.sleep(0.05)
    await name(layer, thread, "after-it")
    await talk(layer, user, 1)
    other = lock()
    await name(layer, thread, "left-behind")
    await talk(layer, user, 1)
    (ROOT.parent / "thread").write_text(thread)
    os._exit(0)
run(story)
"""
TAKE_OVER = """
async def story(layer):
    thread = (ROOT.parent / "thread").read_text()
    await name(layer, thread, "newest")
    user = await arrive(layer)
    await talk(layer, user, 2)
    await layer.close()
run(story)
"""

# Enough for SQLite to write its log back into the database while it goes on.
CHECKPOINTS = """
async def story(layer):
    user = await arrive(layer)
    thread = str(uuid.uuid4())
    await layer.update_thread(thread, user_id=user.id)
    for n in range(40):
        steps = [message(thread, "user_message", draw.choice("xyz") * 20_000) for _ in range(6)]
        await asyncio.gather(*(store(layer, step) for step in steps))
        await name(layer, thread, f"name{n}")
        for step in steps[:3]:
            await change("step:" + step["id"], "-", layer.delete_step(step["id"]))
    await layer.close()
run(story)
"""

BACKUP = """
async def story(layer):
    user = await arrive(layer)
    await talk(layer, user, 3)
    for _ in range(3):
        made = await asyncio.to_thread(backing.make, PLACE)
        tell("done", "backup:" + made.stamp, "made")
        await talk(layer, user, 1)
    for each in backing.backups(PLACE.backups):
        tell("call", "backup:" + each.stamp, "-")
    for stamp in (await asyncio.to_thread(backing.prune, PLACE.backups, 1, 1)).backups:
        tell("done", "backup:" + stamp, "-")
    await layer.close()
run(story)
"""
RESTORE = """
tell("call", "restore", backing.newest(PLACE.backups).stamp)
backing.restore(backing.newest(PLACE.backups), PLACE, over=True)
tell("done", "restore", backing.newest(PLACE.backups).stamp)
"""

OLD = """
async def story(layer):
    user = await arrive(layer)
    await talk(layer, user, 3)
    await layer.close()
run(story)
backing.migrate(PLACE, "0002", None)
"""
UPGRADE = """
async def story(layer):
    user = await arrive(layer)
    await talk(layer, user, 1)
    await layer.close()
run(story)
"""

STORIES = {
    "first use": (0.25, [FIRST_USE]),
    "spool": (0.25, [SPOOL, TAKE_OVER]),
    "checkpoints": (0.15, [CHECKPOINTS]),
    "backup and restore": (0.2, [BACKUP, RESTORE]),
    "migration": (0.15, [OLD, UPGRADE]),
}
"""What happens, and its part of the cuts. Every process of a story goes on with what the one before left."""

Key, Value = str, str
GONE = "-"


class Told:
    """What the processes said. ``asked``: all values of a key, oldest first; ``done``: how many were acknowledged."""

    def __init__(self) -> None:
        self.asked: dict[Key, list[Value]] = {}
        self.done: dict[Key, int] = {}
        self.backups: dict[str, dict[Key, Value]] = {}

    def hear(self, line: str) -> None:
        match line.split():
            case "call", key, value:
                self.asked.setdefault(key, []).append(value)
            case "done", key, value:
                if key.startswith("backup:") and value != GONE:
                    self.backups[key] = self._held()
                values = self.asked.setdefault(key, [])
                if value not in values[self.done.get(key, 0) :]:
                    values.append(value)
                self.done[key] = len(values) - values[::-1].index(value)

    def _held(self) -> dict[Key, Value]:
        """What a store holds that nobody is changing."""
        held = {key: self.asked[key][at - 1] for key, at in self.done.items() if not key.startswith("backup:")}
        return {key: value for key, value in held.items() if value != GONE}

    def allowed(self, key: Key) -> set[Value]:
        """What may be stored: the value acknowledged last, or one that was asked for later."""
        values, done = self.asked.get(key, []), self.done.get(key, 0)
        return set(values[max(done - 1, 0) :]) | ({GONE} if not done else set())

    def wrong(self, found: dict[Key, Value]) -> list[str]:
        """What is missing, half or unheard of."""
        keys = {key for key in self.asked if not key.startswith(("backup:", "restore"))} | found.keys()
        given = {key: found.get(key, GONE) for key in keys}
        return [f"{key}: {value[:60]}" for key, value in given.items() if value not in self.allowed(key)]


def stored(place: Place) -> dict[Key, Value]:
    """All that a store holds, read past it. Content of files goes by its hash, which is computed."""
    with closing(sqlite3.connect(f"{place.database.as_uri()}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("SELECT count(*) FROM steps WHERE status = 'streaming'").fetchone() == (0,)
        found = {f"step:{key}": output for key, output in database.execute("SELECT id, output FROM steps")}
        found |= {f"thread:{key}": name for key, name in database.execute("SELECT id, name FROM threads") if name}
        found |= {f"user:{key}": key for (key,) in database.execute("SELECT identifier FROM users")}
        for key, blob in database.execute("SELECT id, blob FROM elements"):
            found[f"file:{key}"] = hashlib.sha256(content_in(place.files, blob).read_bytes()).hexdigest()
    return found


def reopened(place: Place) -> dict[Key, Value]:
    """Starts the store as an app does, and ends it; what it holds then."""

    async def start() -> None:
        store = Store(f"sqlite+aiosqlite:///{place.database}", spool=place.spool)
        await store.open()
        assert (await store.health())["pending"] == 0
        await store.close()

    asyncio.run(start())
    assert not (place.spool / "rejected.txt").exists()
    assert not list(place.spool.glob("*.jsonl"))
    return stored(place)


def assert_survives(place: Place, told: Told) -> None:
    found = reopened(place)
    wrong = told.wrong(found)
    for stamp in told.asked.get("restore", []):
        restored = found == told.backups[f"backup:{stamp}"]
        wrong = [] if restored else [*wrong, "not the restored store"] if wrong or told.done.get("restore") else []
    assert wrong == []
    for key in told.backups:
        if GONE not in told.allowed(key):
            made = backing.find(place.backups, key.removeprefix("backup:"))
            assert backing.verify(made).problems == ()
    if (newest := backing.newest(place.backups)) is not None:
        assert backing.verify(newest).problems == ()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in which fsync costs nothing."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    yield folder
    shutil.rmtree(folder)


def changes(processes: list[list[Call]], disk: Disk) -> Iterator[None]:
    """Brings the calls of one process after another to the disk, and stops after each that changed anything."""
    for made in processes:
        disk.new_process()
        for call in made:
            if disk.take(call):
                yield


@pytest.mark.parametrize("story", STORIES)
def test_what_was_acknowledged_survives_a_power_cut_at_any_moment(story: str, tmp_path: Path, memory: Path) -> None:
    if shutil.which("strace") is None:
        missing("strace is not installed", "REQUIRE_SERVICES")
    part, codes = STORIES[story]
    print(f"CUTS_SEED={SEED}")
    draw = random.Random(SEED)
    folder = memory / "disk"  # states are laid out where they were recorded: a restore notes absolute paths
    folder.mkdir()
    processes = []
    for code in codes:
        assert record(PRELUDE + code, str(folder), log=tmp_path / "calls") == 0
        processes.append(list(calls(tmp_path / "calls")))
    shutil.rmtree(folder)
    moments = sum(1 for _ in changes(processes, Disk(folder)))
    cuts = Counter(draw.choices(range(moments), k=round(CUTS * part)))
    disk, told, heard, failed = Disk(folder), Told(), 0, list[str]()
    for moment, _ in enumerate(changes(processes, disk)):
        for line in disk.said[heard:].decode().splitlines():
            told.hear(line)
        heard = len(disk.said)
        for _ in range(cuts[moment]):
            lay_out(disk.cut(draw), folder)
            try:
                assert_survives(Place.beside(folder / "threads.db", spool=folder / "elsewhere" / "spool"), told)
            except Exception as error:
                failed.append(f"after change {moment} of {moments}: {type(error).__name__}: {error}")
            shutil.rmtree(folder)
    print(f"{cuts.total()} cuts among {moments} changes")
    assert failed == []

"""What is exported, and imported into an empty store, is there as it was: every row and every content, on each database
and from one to another. What an export leaves out is said here, and in docs/exchange.md."""

import json
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Boolean, Table

from datalayer import APPLICATION, DataLayer, NotFound, schema, text
from datalayer.dialects.server import Server
from datalayer.records import now, user_id, vote_id
from datalayer.reports import digest
from datalayer.versions import versions_of
from datalayer.writes import (
    ChooseVersion,
    DeleteStep,
    PutSummary,
    RecordUsage,
    TrashThread,
    UpdateThread,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
    UpsertUser,
)
from exchange import Selection, export, run_import
from tests.conftest import OpenLayer, _migrated, new_id, often, rows

LEFT_OUT = {
    "users": {"metadata", "created_at"},
    "steps": {"seq", "written_at", "instance"},
    "blobs": {"created_at", "released_at", "tag"},
}
"""Columns that tell of a process or of a store, not of conversations; and of users who has a conversation alone."""
ORDERS = {"users": "identifier", "steps": "thread_id, created_at, seq, id", "blobs": "sha256", "summaries": "thread_id"}
TABLES = ("users", "threads", "thread_tags", "steps", "elements", "feedbacks", "usage", "summaries", "blobs")

ODD = [
    "",
    " ",
    "é",
    "e\u0301",
    "日本語",
    "שלום",
    "😀👩‍👩‍👧",
    "a\u2028b\r\n\tc",
    "\u202e!",
    "\ufeff",
    "'; --",
    "{}",
    "\ufffd",
    "\x7f\x85",
]
said = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | said | st.sampled_from([0.5, -1e300, 1e-7]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(said, inner, max_size=3),
    max_leaves=6,
)
kept = st.dictionaries(st.sampled_from(["a", "é", "model", "time", "x y"]), values, max_size=3)
actions = st.one_of(
    st.tuples(st.just("ask"), said, kept),
    st.tuples(st.just("answer"), said, kept),
    st.tuples(st.just("run"), said, values),
    st.tuples(st.just("file"), said, st.binary(max_size=20) | st.none()),
    st.tuples(st.just("version"), said, st.booleans()),
    st.tuples(st.just("choose"), st.integers(0, 5), st.integers(1, 4)),
    st.tuples(st.just("vote"), st.integers(0, 1), said),
    st.tuples(st.just("star"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("delete"), st.integers(0, 5), st.none()),
    st.tuples(st.just("call"), st.integers(0, 10**12), said),
    st.tuples(st.just("summary"), said, st.none()),
)
placed = st.fixed_dictionaries(
    {},
    optional={
        "name": said.map(text.thread_name).filter(bool),
        "folder": st.sampled_from(["Work", "Work/Été", "日本/東京"]),
        "tags": st.lists(said, max_size=3),
        **dict.fromkeys(("pinned", "archived"), st.booleans()),
        "status": st.sampled_from(["open", "done"]),
        "kind": st.sampled_from(["chat", "imported", "channel", "mine"]),
        "metadata": st.dictionaries(st.sampled_from(["chat_settings", "is_shared", "é"]), values, max_size=2),
    },
)
threads = st.lists(
    st.tuples(st.sampled_from(["ann", "béa 😀", None]), placed, st.lists(actions, max_size=9), st.booleans()),
    min_size=1,
    max_size=4,
)


@dataclass
class Talking:
    """A thread that is written as apps write it."""

    layer: DataLayer
    user: str | None
    id: str = field(default_factory=new_id)
    questions: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def do(self, write: type, /, **given: Any) -> Any:
        actor = self.user or APPLICATION
        return await self.layer.store.submit(write(actor=actor, thread_id=self.id, at=now(), **given))

    async def say(self, kind: str, words: str, metadata: Any, parent: str | None = None, **over: Any) -> str:
        key, values = new_id(), {"type": kind, "output": words, "metadata": metadata, "parent_id": parent, **over}
        await self.do(UpsertStep, id=key, values=values)
        self.said.append(key)
        return key

    async def act(self, what: str, first: Any, second: Any) -> None:
        asked = self.questions[-1] if self.questions else None
        match what:
            case "ask":
                self.questions.append(await self.say("user_message", first, second))
            case "answer":
                await self.say("assistant_message", first, second, asked, name="m", start=now(), end=now())
            case "run":
                extra = {"extra": {"newer": second}, "tags": [first], "generation": {"p": second}, "icon": first}
                await self.say("run", "", None, asked, input=first, show_input=second, is_error=True, **extra)
            case "file":
                blob = None if second is None else await self.layer.store.put_blob(second)
                kind = {"type": "file", "name": first, "mime": "text/plain", "props": {"p": first}, "display": "side"}
                place = {"for_id": asked} if asked else {}
                await self.do(UpsertElement, id=new_id(), values=kind | place, blob=blob)
            case "version" if asked:
                await self.do(ChooseVersion, id=asked, text=first if second else None)
                await self.say("assistant_message", first, {}, asked)
            case "choose" if self.questions:
                await self.do(ChooseVersion, id=self.questions[first % len(self.questions)], version=second)
            case "vote" if self.said:
                at = {"id": vote_id(self.said[-1], self.user), "step_id": self.said[-1]}
                await self.do(UpsertFeedback, **at, value=first, comment=second)
            case "star" if self.said:
                starred = {"metadata": {"favorite": second, "a": 1}, "favorite": second}
                await self.do(UpsertStep, id=self.said[first % len(self.said)], values=starred, timing="kept")
            case "delete" if self.said:
                await self.do(DeleteStep, id=self.said.pop(first % len(self.said)))
            case "call":
                told = {"kind": "turn", "model": second, "provider": "p", "status": "complete", "fallback": "quota"}
                await self.do(RecordUsage, id=new_id(), started_at=now(), latency=5, cost=first, tokens_in=3, **told)
            case "summary":
                await self._sum_up(first)

    async def _sum_up(self, words: str) -> None:
        messages = await self.layer.store.thread_messages(self.id)
        if messages:
            last = messages[-1]
            place = {"from_step": messages[0].id, "until_step": last.id, "until_at": last.created_at}
            told = {"text": words, "messages": len(messages), "tokens": 2, "source": "model", "model": words}
            await self.do(PutSummary, digest=digest(messages), **told, **place)


async def fill(layer: DataLayer, plan: Any) -> None:
    await layer.store.submit(UpsertUser(identifier="nobody's friend", at=now()))
    for user, place, done, is_trashed in plan:
        talk = Talking(layer, user)
        await talk.do(UpdateThread, author=user, **place)
        for what, first, second in done:
            with suppress(NotFound):  # there is no such version, or the message was deleted
                await talk.act(what, first, second)
        if is_trashed:
            await talk.do(TrashThread)
    await layer.drain()


def dump(layer: DataLayer) -> dict[str, Any]:
    """All that an export has, row by row, and what the files hold."""
    found = {name: _rows(layer, schema.metadata.tables[name]) for name in TABLES}
    names = {row["id"] for row in found["threads"] for row in [{"id": row["user_id"]}]}
    found["users"] = [row for row in found["users"] if row["id"] in names]
    contents = {name[:64]: layer.store.blobs.open(name).read() for name in layer.store.blobs.names()}
    return found | {"contents": contents}


def differing(found: dict[str, Any], expected: dict[str, Any]) -> list[Any]:
    """What is not the same, as short as it can be told."""
    told = list[Any]()
    for name in expected:
        if name == "contents":
            told += [] if found[name] == expected[name] else [name, found[name], expected[name]]
        elif len(found[name]) != len(expected[name]):
            told.append((name, len(found[name]), len(expected[name])))
        else:
            pairs = zip(found[name], expected[name], strict=True)
            told += [(name, key, a[key], b[key]) for a, b in pairs for key in b if a[key] != b[key]]
    return told[:10]


def _rows(layer: DataLayer, table: Table) -> list[dict[str, Any]]:
    columns = [column for column in table.columns if column.name not in LEFT_OUT.get(table.name, ())]
    database = layer.store._database
    quote = "`" if isinstance(database, Server) and database.url.get_backend_name() == "mysql" else '"'
    wanted = ", ".join(f"{quote}{column.name}{quote}" for column in columns)
    order = ORDERS.get(table.name, "1, 2")
    return [
        {column.name: _plain(column.type, value) for column, value in zip(columns, row, strict=True)}
        for row in rows(layer, f"SELECT {wanted} FROM {table.name} ORDER BY {order}")
    ]


def _plain(kind: Any, value: Any) -> Any:
    """As Python has it, whichever database it is of."""
    if isinstance(kind, JSON) and isinstance(value, (str, bytes)):
        return json.loads(value)
    return bool(value) if isinstance(kind, Boolean) and value is not None else value


async def exported(layer: DataLayer, path: Path) -> Path:
    made = await export(layer.store, Selection(APPLICATION, trash=True), "json", packed="zip")
    path.write_bytes(b"".join([piece async for piece in made.pieces]))  # noqa: ASYNC240  # some kilobytes
    return path


async def imported(layer: DataLayer, path: Path, new: int) -> None:
    report = await run_import(layer.store, path, None, authors=True)
    assert (report.new, report.skipped, report.problems) == (new, 0, [])
    assert {why.key for why in report.notes} <= {"chain_whole"}
    await layer.drain()
    again = await run_import(layer.store, path, None, authors=True)
    assert (again.there, again.skipped) == (new, 0)
    await layer.drain()


@settings(
    max_examples=often(3, 150),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(plan=threads)
async def test_export_wipe_import_and_all_is_as_it_was(
    store_url: str, open_layer: OpenLayer, tmp_path: Path, plan: Any
) -> None:
    from tests.servers import databases

    kind, folder = store_url.partition(":")[0].partition("+")[0], tmp_path / new_id()
    folder.mkdir()

    def empty(name: str) -> DataLayer:
        if kind == "sqlite" or name == "other":
            folder.joinpath(f"{name}.db").write_bytes(_migrated())
            return DataLayer(f"sqlite+aiosqlite:///{folder}/{name}.db", files=folder / name)
        url = databases.empty_database("postgres" if kind == "postgresql" else "mysql")
        return DataLayer(url, files=folder / name, spool=folder / f"{name}.spool")

    first = empty("first")
    await fill(first, plan)
    before = dump(first)
    path = await exported(first, folder / "first.zip")
    await first.close()
    other = empty("other")
    await imported(other, path, len(plan))
    assert differing(dump(other), before) == []
    path = await exported(other, folder / "other.zip")
    await other.close()
    last = empty("last")
    await imported(last, path, len(plan))
    assert differing(dump(last), before) == []
    await last.close()


async def told(layer: DataLayer, user: str) -> tuple[str, list[str]]:
    """The only thread of the user: its id, and what is said in it."""
    ((key,),) = rows(layer, "SELECT id FROM threads WHERE user_id = ?", user_id(user))
    return key, [message.text for message in await layer.store.thread_messages(key)]


async def test_who_imports_what_is_somebody_elses_here_gets_ids_of_his_own(layer: DataLayer, tmp_path: Path) -> None:
    plan = [
        (
            "ann",
            {"name": "Birds"},
            [
                ("ask", "where?", {}),
                ("file", "f", b"content"),
                ("vote", 1, "good"),
                ("version", "edited", True),
                ("call", 5, "m"),
                ("summary", "birds", None),
            ],
            False,
        )
    ]
    await fill(layer, plan)
    path = await exported(layer, tmp_path / "export.zip")
    before = dump(layer)
    for state in ("new", "there"):
        report = await run_import(layer.store, path, "bob", actor="bob")
        assert (getattr(report, state), report.skipped, report.lost_files) == (1, 0, 0)
    await layer.drain()
    after = dump(layer)
    (theirs, said), (own, same) = await told(layer, "ann"), await told(layer, "bob")
    assert (said, own != theirs) == (same, True)
    assert [row for row in after["steps"] if row["thread_id"] == theirs] == before["steps"]
    assert [row["user_id"] for row in after["feedbacks"] if row not in before["feedbacks"]] == [user_id("bob")]
    assert len(after["usage"]) == len(after["summaries"]) == len(after["elements"]) == 2
    question = next(row["id"] for row in after["steps"] if row["thread_id"] == own and row["type"] == "user_message")
    whole = await layer.store.whole_thread(own)
    assert whole is not None
    assert [version.question for version in versions_of(whole[1], question)] == ["where?", "edited"]
    assert after["contents"] == before["contents"]


async def test_a_content_that_is_not_what_its_name_says_is_told_and_not_stored(
    layer: DataLayer, tmp_path: Path
) -> None:
    await fill(layer, [("ann", {}, [("file", "f", b"content"), ("file", "g", b"other")], False)])
    path, forged = await exported(layer, tmp_path / "export.zip"), tmp_path / "forged.zip"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(forged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, b"forged" if content == b"content" else content)
    report = await run_import(layer.store, forged, "bob", actor="bob")
    assert (report.new, report.files, report.lost_files) == (1, 1, 1)
    await layer.drain()
    assert sorted(dump(layer)["contents"].values()) == [b"content", b"other"]
    own = [row["id"] for row in dump(layer)["threads"] if row["user_id"] == user_id("bob")]
    assert [row["name"] for row in dump(layer)["elements"] if row["thread_id"] in own and not row["blob"]] == ["f"]

"""I4, I5, I6, I9: two users do in any order whatever can be done to conversations, and find what a simple model says:
nothing is lost, nothing of the other's is seen or changed, undo is undo, lists and counts agree."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from datalayer import DataLayer, Forbidden, NotFound, forks, merges
from datalayer.records import Which, month_of, now, user_id
from datalayer.reports import Facets
from datalayer.writes import (
    DeleteThread,
    RestoreThread,
    TrashThread,
    UpdateThread,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
)
from tests.conftest import new_id, often

T = TypeVar("T")
WHO = st.integers(0, 1)
WHICH = st.integers(0, 99)
CHANGES = st.one_of(
    st.builds(lambda path: {"folder": path}, st.sampled_from(["", "Work", "Work/A", "Play"])),
    st.builds(lambda tag: {"tags_added": [tag]}, st.sampled_from("xyz")),
    st.builds(lambda tag: {"tags_removed": [tag]}, st.sampled_from("xyz")),
    st.builds(lambda name, value: {name: value}, st.sampled_from(["pinned", "archived"]), st.booleans()),
    st.builds(lambda status: {"status": status}, st.sampled_from(["open", "done"])),
    st.builds(lambda model: {"metadata": {"chat_settings": {"model": model}}}, st.sampled_from(["m1", "m2"])),
)


@dataclass
class Told:
    """A conversation as the model has it."""

    owner: int
    active: int
    texts: dict[str, str]
    """By step, in order."""
    folder: str = ""
    tags: list[str] = field(default_factory=list)
    pinned: bool = False
    archived: bool = False
    status: str = "open"
    model: str | None = None
    trashed: int = 0
    votes: dict[str, int] = field(default_factory=dict)
    files: int = 0

    def change(self, change: dict[str, Any]) -> None:
        for name, value in change.items():
            if name == "tags_added":
                self.tags += [tag for tag in value if tag not in self.tags]
            elif name == "tags_removed":
                self.tags = [tag for tag in self.tags if tag not in value]
            elif name == "metadata":
                self.model = value["chat_settings"]["model"]
            else:
                setattr(self, name, value)

    def back(self, change: dict[str, Any]) -> dict[str, Any]:
        """What undoes the change."""
        (name,) = change
        if name == "tags_added":
            return {"tags_removed": [tag for tag in change[name] if tag not in self.tags]}
        if name == "tags_removed":
            return {"tags": list(self.tags)}
        if name == "metadata":
            return {"metadata": {"chat_settings": {"model": self.model} if self.model else None}}
        return {name: getattr(self, name)}


class House(RuleBasedStateMachine):
    def __init__(self, open_: Callable[[], DataLayer]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.layer = self.runner.run(self._open(open_))
        self.names = [f"{name} {new_id()}" for name in ("ann", "bob")]
        self.told: dict[str, Told] = {}
        self.gone: list[str] = []

    @staticmethod
    async def _open(open_: Callable[[], DataLayer]) -> DataLayer:
        return open_()

    def teardown(self) -> None:
        try:
            for key, told in self.told.items():
                self._whole(key, told)
        finally:
            self.do(self.layer.close())
            self.runner.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def submit(self, write: Any, **more: Any) -> Any:
        async def submit() -> Any:
            return await self.layer.store.submit(write, **more)

        return self.do(submit())

    def pick(self, which: int) -> str | None:
        keys = list(self.told)
        return keys[which % len(keys)] if keys else None

    def refused(self, who: int, key: str, write: Any) -> bool:
        """Whether the thread is the other's: then the write is refused."""
        if self.told[key].owner == who:
            return False
        try:
            self.submit(write)
        except (Forbidden, NotFound):
            return True
        raise AssertionError(f"{write} was not refused")

    # What people do

    @rule(who=WHO, text=st.text("ab ", min_size=1, max_size=5))
    def begin(self, who: int, text: str) -> None:
        key, at = new_id(), now()
        self.told[key] = Told(who, at, {})
        self._say(who, key, text, at)

    @rule(who=WHO, which=WHICH, text=st.text("ab ", min_size=1, max_size=5))
    def say(self, who: int, which: int, text: str) -> None:
        if key := self.pick(which):
            self._say(who, key, text, now())

    def _say(self, who: int, key: str, text: str, at: int) -> None:
        step, told = new_id(), self.told[key]
        values = {"type": "user_message", "output": text, "created_at": at}
        write = UpsertStep(actor=self.names[who], thread_id=key, id=step, at=at, values=values)
        if not self.refused(who, key, write):
            self.submit(write)
            told.texts[step] = text
            told.active, told.trashed = at, 0

    @rule(who=WHO, which=WHICH, change=CHANGES, undo=st.booleans())
    def organise(self, who: int, which: int, change: dict[str, Any], undo: bool) -> None:
        if key := self.pick(which):
            told, before = self.told[key], self.do(self.layer.store.thread(key))
            of: dict[str, Any] = {"actor": self.names[who], "thread_id": key, "stored_only": True}
            if self.refused(who, key, UpdateThread(**of, at=now(), **change)):
                return
            self.submit(UpdateThread(**of, at=now(), **change))
            if undo:
                self.submit(UpdateThread(**of, at=now(), **told.back(change)))
                after = self.do(self.layer.store.thread(key))
                assert (before is None) == (after is None) == bool(told.trashed)
                if before and after:
                    assert replace(after, tags=after.tags or None) == replace(before, tags=before.tags or None)
            else:
                told.change(change)

    @rule(who=WHO, which=WHICH, value=st.integers(0, 1))
    def vote(self, who: int, which: int, value: int) -> None:
        if (key := self.pick(which)) and (told := self.told[key]).texts:
            step = next(reversed(told.texts))
            write = UpsertFeedback(actor=self.names[who], id=new_id(), step_id=step, at=now(), value=value)
            if not self.refused(who, key, write):
                self.submit(write)
                told.votes[step] = value

    @rule(who=WHO, which=WHICH)
    def attach(self, who: int, which: int) -> None:
        if key := self.pick(which):
            of: dict[str, Any] = {"id": new_id(), "at": now(), "values": {"name": "f", "type": "file"}}
            write = UpsertElement(actor=self.names[who], thread_id=key, **of)
            if not self.refused(who, key, write):
                self.submit(write, source=b"content")
                self.told[key].files += 1

    @rule(who=WHO, which=WHICH)
    def trash(self, who: int, which: int) -> None:
        if key := self.pick(which):
            write = TrashThread(actor=self.names[who], thread_id=key, at=now())
            if not self.refused(who, key, write):
                self.submit(write)
                self.told[key].trashed = self.told[key].trashed or write.at

    @rule(who=WHO, which=WHICH)
    def restore(self, who: int, which: int) -> None:
        if key := self.pick(which):
            write = RestoreThread(actor=self.names[who], thread_id=key, at=now())
            if not self.refused(who, key, write):
                assert bool(self.submit(write)) == bool(self.told[key].trashed)
                self.told[key].trashed = 0

    @rule(who=WHO, which=WHICH)
    def delete(self, who: int, which: int) -> None:
        if key := self.pick(which):
            write = DeleteThread(actor=self.names[who], thread_id=key, at=now())
            if not self.refused(who, key, write):
                self.submit(write)
                del self.told[key]
                self.gone.append(key)

    @rule(which=WHICH, change=CHANGES)
    def too_late(self, which: int, change: dict[str, Any]) -> None:
        if self.gone:
            key, of = self.gone[which % len(self.gone)], {"actor": self.names[which % 2], "at": now()}
            self.submit(UpdateThread(thread_id=key, **of, **change))  # type: ignore[arg-type]
            self.submit(UpsertStep(thread_id=key, id=new_id(), values={"type": "user_message"}, **of))  # type: ignore[arg-type]

    @rule(which=WHICH)
    def fork(self, which: int) -> None:
        if (key := self.pick(which)) and not (told := self.told[key]).trashed:
            whole = self.do(self.layer.store.whole_thread(key))
            assert whole is not None
            write = forks.fork(self.names[told.owner], *whole, "a fork")
            self.submit(write)
            texts = {forks.derived(write.thread_id, step): text for step, text in told.texts.items()}
            placed: dict[str, Any] = {"folder": told.folder, "tags": list(told.tags), "model": told.model}
            self.told[write.thread_id] = Told(told.owner, write.at, texts, **placed, files=told.files)

    @rule(one=WHICH, other=WHICH, undo=st.booleans())
    def merge(self, one: int, other: int, undo: bool) -> None:
        keys = [key for key in dict.fromkeys([self.pick(one), self.pick(other)]) if key]
        parts = [self.told[key] for key in keys]
        if len(keys) < 2 or len({told.owner for told in parts}) > 1 or any(told.trashed for told in parts):
            return
        actor = self.names[parts[0].owner]
        origins = self.do(merges.read(self.layer.store, actor, keys))
        write = merges.merge(actor, origins, "a merge", new_id())
        self.submit(write)
        if undo:
            made = self.do(self.layer.store.thread(write.thread_id))
            assert made is not None
            back = merges.undo(actor, made, trash=False)
            assert back is not None
            self.submit(back)
            self.gone.append(write.thread_id)
            return
        parts = [self.told[origin.thread.id] for origin in origins]
        said = sorted((step.created_at, step.id, step.output) for origin in origins for step in origin.steps)
        self.told[write.thread_id] = Told(
            parts[0].owner,
            write.at,
            {forks.derived(write.thread_id, step): text or "" for _, step, text in said},
            folder=next((told.folder for told in parts if told.folder), ""),
            tags=list(dict.fromkeys(tag for told in parts for tag in told.tags)),
            model=max(parts, key=lambda told: told.active).model,
            files=sum(told.files for told in parts),
        )
        for told in parts:
            told.archived = True

    @rule()
    def count(self) -> None:
        self.do(self.layer.store._counting.count())

    # What they see

    @invariant()
    def each_sees_what_is_theirs(self) -> None:
        for who, name in enumerate(self.names):
            mine = {key: told for key, told in self.told.items() if told.owner == who}
            for archived in (False, True):
                placed = {key: told for key, told in mine.items() if not told.trashed and told.archived == archived}
                wanted = sorted(placed, key=lambda key: (placed[key].pinned, placed[key].active, key), reverse=True)
                assert self._listed(name, which=Which(archived=archived)) == wanted
            trashed = {key: told for key, told in mine.items() if told.trashed}
            wanted = sorted(trashed, key=lambda key: (trashed[key].trashed, key), reverse=True)
            assert self._listed(name, which=Which(archived=None, trashed=True), sort="trashed") == wanted
            for archived_ in (False, None):
                assert self.do(self.layer.store.facets(user_id(name), archived_)) == _facets(mine, archived_)

    def _listed(self, name: str, **how: Any) -> list[str]:
        page = self.do(self.layer.store.threads(user_id(name), 200, **how))
        return [thread.id for thread in page.threads]

    def _whole(self, key: str, told: Told) -> None:
        if told.trashed:
            self.submit(RestoreThread(actor=self.names[told.owner], thread_id=key, at=now()))
        whole = self.do(self.layer.store.whole_thread(key))
        assert whole is not None
        thread, steps, files = whole
        assert {step.id: step.output for step in steps} == told.texts
        assert thread.user_id == user_id(self.names[told.owner])
        assert (thread.folder or "", thread.tags or [], thread.status) == (told.folder, told.tags, told.status)
        assert {step.id: step.vote_value for step in steps if step.vote_id} == told.votes
        assert len(files) == told.files


def _facets(mine: dict[str, Told], archived: bool | None) -> Facets:
    shown = [told for told in mine.values() if not told.trashed]
    found = [told for told in shown if archived in (None, told.archived)]
    votes = (vote for told in found for vote in set(told.votes.values()))
    return Facets(
        folders=dict(Counter(told.folder for told in found if told.folder)),
        tags=dict(Counter(tag for told in found for tag in told.tags)),
        statuses=dict(Counter(told.status for told in found)),
        kinds={"chat": len(found)} if found else {},
        models=dict(Counter(told.model for told in found if told.model)),
        months=dict(Counter(month_of(told.active) for told in found)),
        votes=dict(Counter(votes)),
        threads=len(found),
        unfiled=sum(not told.folder for told in found),
        pinned=sum(told.pinned for told in found),
        files=sum(bool(told.files) for told in found),
        archived=sum(told.archived for told in shown),
        trashed=len(mine) - len(shown),
    )


def test_whatever_two_people_do_they_find_what_they_made_of_it(store_url: str, tmp_path: Path) -> None:
    sqlite = store_url.startswith("sqlite")
    layers = iter(range(1_000_000))

    def house() -> House:
        spool = {} if sqlite else {"spool": tmp_path / f"spool{next(layers)}"}
        return House(lambda: DataLayer(store_url, files=tmp_path / "files", trash_days=30, **spool))  # type: ignore[arg-type]

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        house,
        settings=settings(
            max_examples=often(15 if sqlite else 2, 300),
            phases=(Phase.generate, Phase.shrink) if sqlite else (Phase.generate,),
            stateful_step_count=50 if sqlite else 30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""All files of a person: each content once, with where it is, what was read of it, and nobody else's."""

from typing import Any

import chainlit as cl
import pytest
from plotly.graph_objects import Figure

from datalayer import DataLayer, InvalidInput
from datalayer.passages import CITES, LEFT_OUT, OwnFiles, Passage, Place
from datalayer.records import now
from datalayer.sql import own_files
from datalayer.writes import ChooseVersion, DeleteElement, RestoreThread, TrashThread, UpdateThread, UpsertElement
from tests.conftest import make_step, register
from tests.contract.test_elements import sha256
from tests.contract.test_passages import BIRDS, attach, read, thread_of
from tests.statements import queries


def names(page: OwnFiles) -> list[str]:
    return [each.uses[0].name for each in page.files]


async def put(layer: DataLayer, thread_id: str, name: str, content: bytes, for_id: str | None = None) -> str:
    """A file that nobody has read."""
    element = cl.File(thread_id=thread_id, name=name, content=content, for_id=for_id)
    await layer.create_element(element)
    return element.id


async def change(layer: DataLayer, thread_id: str, key: str, **props: Any) -> None:
    await layer.store.submit(UpsertElement(thread_id=thread_id, id=key, at=now(), values={"props": props}))


class TestFiles:
    async def test_each_content_once_with_all_its_uses_and_what_was_read_of_it(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        (one, asked), (two, _) = await thread_of(layer), await thread_of(layer)
        await layer.store.submit(UpdateThread(thread_id=one, at=now(), name="Birds"))
        first = await attach(layer, one, *BIRDS, pages=2, cut=True, for_id=asked)
        other = await attach(layer, one, name="locked.pdf", refused="encrypted")
        again = await attach(layer, two, *BIRDS, name="same.txt")
        new = await put(layer, two, "new.txt", b"new")
        page = await layer.store.own_files(ann.id)
        assert names(page) == ["new.txt", "same.txt", "locked.pdf"]
        assert (page.count, page.size, page.complete, page.next) == (3, 3 + len("\n".join(BIRDS)) + 10, True, None)
        waiting, birds, locked = page.files
        assert [(use.element_id, use.thread_id) for use in birds.uses] == [(again, two), (first, one)]
        use = birds.uses[1]
        assert (use.name, use.for_id, use.thread_name, use.left_out) == ("birds.txt", asked, "Birds", False)
        assert (use.size, use.sha256) == (len("\n".join(BIRDS)), sha256("\n".join(BIRDS).encode()))
        assert (birds.status, birds.refused, birds.pages, birds.passages, birds.cut) == ("read", None, 2, 3, True)
        assert (locked.status, locked.refused, locked.uses[0].element_id) == ("refused", "encrypted", other)
        assert (waiting.status, waiting.uses[0].element_id, waiting.passages) == ("waiting", new, 0)
        assert await layer.store.own_files_tally(ann.id) == (3, page.size)

    async def test_nobody_elses_and_none_of_the_trash(self, layer: DataLayer) -> None:
        ann, ben = await register(layer, "ann"), await register(layer, "ben")
        (hers, _), (his, _), (gone, _) = await thread_of(layer), await thread_of(layer, "ben"), await thread_of(layer)
        mine = await attach(layer, hers, *BIRDS)
        theirs = await attach(layer, his, *BIRDS, name="his.txt")
        thrown = await attach(layer, gone, *BIRDS, name="thrown.txt")
        await layer.store.submit(TrashThread(thread_id=gone, at=now()))
        for who, own, others in ((ann, mine, (theirs, thrown)), (ben, theirs, (mine, thrown))):
            (file,) = (await layer.store.own_files(who.id)).files
            assert [use.element_id for use in file.uses] == [own]
            assert [use.element_id for use in await layer.store.own_uses(who.id, [own, *others])] == [own]
            assert await layer.store.own_passages(who.id, own) == [Passage(said, Place()) for said in BIRDS]
            for other in others:
                assert (await layer.store.own_files(who.id, element_id=other)).opened is None
                assert await layer.store.own_passages(who.id, other) == []
            assert (await layer.store.own_files_tally(who.id))[0] == 1
        nobody = await layer.store.own_files("nobody")
        assert (nobody.files, nobody.count, nobody.size) == ([], 0, 0)
        await layer.store.submit(RestoreThread(thread_id=gone, at=now()))
        (file,) = (await layer.store.own_files(ann.id)).files
        assert [use.name for use in file.uses] == ["thrown.txt", "birds.txt"]

    async def test_what_is_no_file_is_not_listed(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        key, asked = await thread_of(layer)
        await layer.create_element(cl.Plotly(thread_id=key, name="chart", figure=Figure()))
        await layer.create_element(cl.Image(thread_id=key, name="remote", url="https://example.org/i.png"))
        await change(layer, key, await put(layer, key, "cited", b"cited"), **{CITES: {}})
        later = make_step(key, type="user_message", output="And this?")
        await layer.create_step(later)
        await put(layer, key, "aside.txt", b"aside", for_id=later["id"])
        assert names(await layer.store.own_files(ann.id)) == ["aside.txt"]
        await layer.store.submit(ChooseVersion(thread_id=key, id=asked, at=now(), version=None))
        assert names(await layer.store.own_files(ann.id)) == []
        await layer.store.submit(ChooseVersion(thread_id=key, id=asked, at=now(), version=1))
        assert names(await layer.store.own_files(ann.id)) == ["aside.txt"]

    async def test_versions_are_told_and_which_one_answers(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        key, asked = await thread_of(layer)
        await put(layer, (await thread_of(layer))[0], "plan.txt", b"elsewhere")
        versions = [await put(layer, key, name, name.encode()) for name in ("plan.txt", "Plan.TXT", "PLAN.txt")]

        async def told() -> list[tuple[int, int, bool, bool]]:
            found = (await layer.store.own_files(ann.id)).files[:3]
            assert [each.uses[0].element_id for each in found] == versions[::-1]
            return [(use.version, use.versions, use.superseded, use.left_out) for (use,) in (f.uses for f in found)]

        assert await told() == [(3, 3, False, False), (2, 3, True, False), (1, 3, True, False)]
        await change(layer, key, versions[2], **{LEFT_OUT: True})
        assert await told() == [(3, 3, False, True), (2, 3, False, False), (1, 3, True, False)]
        context = {each.element_id: each.superseded for each in await layer.store.context_files(key)}
        assert context == {versions[0]: True, versions[1]: False}
        both = [await put(layer, key, "both.txt", content, for_id=asked) for content in (b"1", b"2")]
        found = (await layer.store.own_files(ann.id)).files[:2]
        assert [(each.uses[0].element_id, each.uses[0].superseded) for each in found] == [
            (both[1], False),
            (both[0], False),
        ]
        assert [each.uses[0].version for each in (await layer.store.own_files(ann.id)).files][-1] == 1

    async def test_what_is_deleted_is_gone_from_there_and_stays_elsewhere(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        (one, _), (two, _) = await thread_of(layer), await thread_of(layer)
        first, second = await attach(layer, one, *BIRDS), await attach(layer, two, *BIRDS)
        await layer.store.submit(DeleteElement(actor="ann", thread_id=one, id=first, at=now()))
        (file,) = (await layer.store.own_files(ann.id)).files
        assert ([use.element_id for use in file.uses], file.passages) == ([second], 3)
        assert await layer.store.own_passages(ann.id, first) == []

    async def test_a_range_of_what_was_read(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        key, _ = await thread_of(layer)
        element = await attach(layer, key, *BIRDS)
        await change(layer, key, element, **{LEFT_OUT: True})
        assert [each.text for each in await layer.store.own_passages(ann.id, element, 2, 9)] == list(BIRDS[1:])
        unread = await put(layer, key, "unread", b"unread")
        assert await layer.store.own_passages(ann.id, unread) == []

    async def test_what_is_read_now_is_told_of_all_who_have_it(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        key, _ = await thread_of(layer)
        await put(layer, key, "a", b"a")
        assert [each.status for each in (await layer.store.own_files(ann.id)).files] == ["waiting"]
        assert await layer.store.keep_text(sha256(b"a"), read("a"))
        assert [each.status for each in (await layer.store.own_files(ann.id)).files] == ["read"]


class TestPages:
    @pytest.fixture
    async def many(self, layer: DataLayer) -> list[str]:
        """Names of files of sizes 1, 2, 1, 2…, some of equal names but for their case, in the order they came."""
        key, _ = await thread_of(layer)
        made = [f"{'Éeé'[n % 3]} {n // 2}." for n in range(11)]
        for n, name in enumerate(made):
            await put(layer, key, name, bytes([n]) * (1 + n % 2))
        return made

    @pytest.mark.parametrize("sort", ["newest", "size", "name"])
    async def test_each_file_is_on_one_page(self, layer: DataLayer, many: list[str], sort: Any) -> None:
        user = (await register(layer, "ann")).id
        whole = await layer.store.own_files(user, 200, sort=sort)
        found, cursor = [], None
        while True:
            page = await layer.store.own_files(user, 3, cursor, sort)
            assert (page.count, page.size) == (whole.count, whole.size)
            found += page.files
            if (cursor := page.next) is None:
                break
        assert found == whole.files
        assert sorted(each.uses[0].name for each in found) == sorted(many)
        if sort == "newest":
            assert names(whole) == many[::-1]
        elif sort == "size":
            assert [each.uses[0].size for each in found] == [2] * 5 + [1] * 6
        else:
            folded = [name.lower().replace("é", "e") for name in names(whole)]
            assert folded == sorted(folded)

    async def test_a_page_goes_on_where_it_was_though_files_come_and_go(
        self, layer: DataLayer, many: list[str]
    ) -> None:
        user = (await register(layer, "ann")).id
        page = await layer.store.own_files(user, 3)
        last = page.files[-1].uses[0]
        await put(layer, last.thread_id, "newer", b"newer")
        await layer.store.submit(DeleteElement(thread_id=last.thread_id, id=last.element_id, at=now()))
        assert names(await layer.store.own_files(user, 3, page.next)) == many[-4:-7:-1]

    async def test_one_is_found_on_whichever_page_it_is(self, layer: DataLayer, many: list[str]) -> None:
        user = (await register(layer, "ann")).id
        oldest = (await layer.store.own_files(user, 200)).files[-1]
        page = await layer.store.own_files(user, 2, element_id=oldest.uses[0].element_id)
        assert (page.opened, len(page.files)) == (oldest, 2)

    @pytest.mark.parametrize(("like", "found"), [("É 3", 2), (" 4. ", 2), ("3 4", 0), (" ", 11)])
    async def test_those_whose_names_have_all_words(
        self, layer: DataLayer, many: list[str], like: str, found: int
    ) -> None:
        page = await layer.store.own_files((await register(layer, "ann")).id, 200, like=like)
        assert (len(page.files), page.count) == (found, 11)
        assert {name[-2] for name in names(page)} <= ({like.strip(" .É")} if like.strip() else set("012345"))

    @pytest.mark.parametrize("cursor", ["", "x", ".", "1", "1" * 20 + ".a", "é.a"])
    async def test_what_is_no_page_is_refused(self, layer: DataLayer, cursor: str) -> None:
        with pytest.raises(InvalidInput):
            await layer.store.own_files("u", cursor=cursor)
        for size in (0, -1, 201):
            with pytest.raises(InvalidInput):
                await layer.store.own_files("u", size)

    async def test_of_more_than_are_looked_at_the_newest(
        self, layer: DataLayer, many: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(own_files, "MOST", 4)
        page = await layer.store.own_files((await register(layer, "ann")).id, 200)
        assert (names(page), page.complete) == (many[:-5:-1], False)


async def test_it_takes_two_statements_however_many_there_are(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    for n in range(3):
        key, _ = await thread_of(layer)
        await attach(layer, key, *BIRDS, name=str(n))
        await attach(layer, key, name=f"own {n}")
    await layer.drain()
    with queries(layer) as seen:
        page = await layer.store.own_files(ann.id, element_id="nothing")
    assert [len(each.uses) for each in page.files] == [1, 3, 1, 1]
    assert len(seen) == 2

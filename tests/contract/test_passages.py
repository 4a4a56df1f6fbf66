"""What was read of a file: kept once a content, found by its own conversation only, gone with the last that has it."""

import asyncio
import json
from typing import Any

import chainlit as cl
import pytest

from datalayer import DataLayer, InvalidInput, forks
from datalayer.passages import CITES, LEFT_OUT, FileText, FoundPassage, Passage, Place, kind_of
from datalayer.records import now
from datalayer.sql import file_texts, passages
from datalayer.writes import ChooseVersion, DeleteThread, RestoreThread, TrashThread, UpsertElement
from tests.conftest import OpenLayer, blob_names, change, failures, make_step, register, rows, start_thread
from tests.contract.test_elements import sha256
from tests.statements import queries

READER = "tests 1"
TABLES = ("file_texts", "passages", "passage_words")
BIRDS = ("The heron stands in the reeds.", "Owls hunt at night over the fields.", "A wren builds its nest in a hedge.")


def read(*texts: str, **over: Any) -> FileText:
    return FileText(**({"reader": READER, "passages": tuple(Passage(text, Place()) for text in texts)} | over))


async def attach(
    layer: DataLayer, thread_id: str, *texts: str, name: str = "birds.txt", for_id: str | None = None, **over: Any
) -> str:
    """A file of the thread that says ``texts``, and what was read of it; returns the element's id."""
    content = ("\n".join(texts) or name).encode()
    element = cl.File(thread_id=thread_id, name=name, content=content, for_id=for_id)
    await layer.create_element(element)
    assert await layer.store.keep_text(sha256(content), read(*texts, **over))
    return element.id


async def thread_of(layer: DataLayer, name: str = "ann") -> tuple[str, str]:
    """A thread of this user's, and its question."""
    asked = await start_thread(layer, await register(layer, name), output="What do the files say?")
    return asked["threadId"], asked["id"]


async def said(layer: DataLayer, thread_id: str, question: str, **how: Any) -> list[str]:
    return [each.text for each in await layer.store.find_passages(thread_id, question, **how)]


async def stored(layer: DataLayer) -> list[int]:
    """How many rows the tables have, once what is going is gone."""
    await layer.drain()
    return [rows(layer, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]


class TestKept:
    async def test_it_comes_back_as_it_was_read(self, layer: DataLayer) -> None:
        key, asked = await thread_of(layer)
        places = [
            Place(pages=(3, 4), heading=("Birds", "Of the “marsh”")),
            Place(pages=(2, 2), unit="slide"),
            Place(sheet="Février", rows=(2, 40)),
            Place(lines=(1, 1)),
            Place(),
        ]
        texts = [f"Text {n} with \0 and é, 東京 and 😀" for n in range(5)]
        passages = tuple(Passage(*each) for each in zip(texts, places, strict=True))
        element = await attach(layer, key, "x", for_id=asked, passages=passages, pages=7, cut=True)
        found = await layer.store.read_passages(key, element)
        assert found == [Passage(text.replace("\0", "\ufffd"), place) for text, place in passages]
        assert await layer.store.read_passages(key, element, 2, 3) == found[1:3]
        [file] = await layer.store.context_files(key)
        assert (file.element_id, file.for_id, file.name, file.size) == (element, asked, "birds.txt", 1)
        assert (file.status, file.reader, file.refused) == ("read", READER, None)
        assert (file.pages, file.passages, file.cut, file.superseded) == (7, 5, True, False)
        with layer.store.blobs.open(file.blob) as content:
            assert content.read() == b"x"

    async def test_a_file_that_nobody_has_read_waits_and_one_that_was_refused_says_why(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await layer.create_element(cl.File(thread_id=key, name="new", content=b"new"))
        await attach(layer, key, name="locked", refused="encrypted", pages=2)
        files = {file.name: file for file in await layer.store.context_files(key)}
        assert (files["new"].status, files["new"].reader) == ("waiting", None)
        assert (files["locked"].status, files["locked"].refused, files["locked"].pages) == ("refused", "encrypted", 2)
        assert await said(layer, key, "anything") == []

    async def test_equal_content_is_kept_once_and_twice_is_once(self, layer: DataLayer) -> None:
        keys = [await thread_of(layer, name) for name in ("ann", "ben", "ann")]
        for key, asked in keys:
            await attach(layer, key, *BIRDS, for_id=asked)
        first = await stored(layer)
        assert first[:2] == [1, 3]
        for key, _ in keys:
            assert await said(layer, key, "heron") == [BIRDS[0]]
        assert await layer.store.keep_text(sha256("\n".join(BIRDS).encode()), read("Something else"))
        assert await stored(layer) == first

    async def test_another_reader_reads_it_anew(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        element = await attach(layer, key, *BIRDS)
        await attach(layer, key, *BIRDS, reader="tests 2", passages=(Passage("The heron, read better", Place()),))
        assert await said(layer, key, "heron") == ["The heron, read better"]
        assert [each.text for each in await layer.store.read_passages(key, element)] == ["The heron, read better"]
        assert (await stored(layer))[:2] == [1, 1]

    async def test_words_that_are_cut_otherwise_by_now_are_those_of_a_file_that_waits(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *BIRDS, pages=3)
        with monkeypatch.context() as patched:
            patched.setattr(file_texts, "_CUT_AS", " words of a later version")
            [file] = await layer.store.context_files(key)
            assert (file.status, file.reader, file.pages, file.passages) == ("waiting", None, None, 0)
            assert await said(layer, key, "heron") == []
            await attach(layer, key, *BIRDS)
            assert await said(layer, key, "heron") == [BIRDS[0]]
        assert (await stored(layer))[:2] == [1, 3]

    async def test_nothing_is_kept_of_a_content_that_nobody_has(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        element = await attach(layer, key, *BIRDS)
        await layer.delete_element(element)
        assert not await layer.store.keep_text(sha256("\n".join(BIRDS).encode()), read(*BIRDS))
        assert not await layer.store.keep_text(sha256(b"never stored"), read("Never seen"))
        assert await stored(layer) == [0, 0, 0]

    async def test_two_that_read_it_at_once_end_with_one(self, open_layer: OpenLayer) -> None:
        one, two = open_layer(), open_layer()
        key, _ = await thread_of(one)
        await one.create_element(cl.File(thread_id=key, name="f", content=b"birds"))
        texts = [f"{bird} number {n}" for n in range(300) for bird in BIRDS]
        calls = [layer.store.keep_text(sha256(b"birds"), read(*texts)) for layer in (one, two, one, two)]
        assert await asyncio.gather(*calls) == [True] * 4
        await two.drain()
        assert (await stored(one))[:2] == [1, 900]
        assert len(await said(two, key, "heron", limit=9)) == 9

    async def test_a_long_text_is_stored_in_pieces_between_which_others_write(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key, _ = await thread_of(layer)
        await layer.create_element(cl.File(thread_id=key, name="f", content=b"long"))
        texts = [" ".join(f"word{n * 10 + m} says{n % 7}" for m in range(100)) for n in range(1000)]
        seen, add = [], file_texts.add

        def noting(*args: Any, **named: Any) -> bool:
            seen.append(len(named["rows"]))
            return add(*args, **named)

        monkeypatch.setattr(file_texts, "add", noting)
        keeping = asyncio.create_task(layer.store.keep_text(sha256(b"long"), read(*texts)))
        written = 0
        while not keeping.done():
            await layer.create_step(make_step(key, output="meanwhile"))
            written += bool(seen) and not keeping.done()
        assert await keeping
        assert written > 3
        assert len(seen) > 5
        assert max(seen) <= 100
        assert await said(layer, key, "word5000", limit=1) == [texts[491]]

    async def test_too_many_passages_are_refused(self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(file_texts, "FIRST", 3)
        key, _ = await thread_of(layer)
        await layer.create_element(cl.File(thread_id=key, name="f", content=b"x"))
        [error] = await failures([layer.store.keep_text(sha256(b"x"), read(*BIRDS))])
        assert isinstance(error, InvalidInput)


class TestGone:
    @pytest.mark.parametrize("what", ["element", "step", "thread"])
    async def test_the_last_that_has_it_takes_it_along(self, layer: DataLayer, what: str) -> None:
        (one, asked), (two, other) = await thread_of(layer), await thread_of(layer, "ben")
        element = await attach(layer, one, *BIRDS, for_id=asked)
        await attach(layer, two, *BIRDS, for_id=other)
        before = await stored(layer)
        deletions = {
            "element": lambda: layer.delete_element(element),
            "step": lambda: layer.delete_step(asked),
            "thread": lambda: layer.delete_thread(one),
        }
        await deletions[what]()
        assert await said(layer, one, "heron") == []
        assert await layer.store.read_passages(one, element) == []
        assert await stored(layer) == before
        assert await said(layer, two, "heron") == [BIRDS[0]]
        await layer.store.submit(DeleteThread(thread_id=two, at=now()))
        assert await stored(layer) == [0, 0, 0]

    async def test_what_an_element_had_before_goes_too(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        element = await attach(layer, key, *BIRDS)
        await layer.create_element(cl.File(id=element, thread_id=key, name="birds.txt", content=b"other"))
        assert await said(layer, key, "heron") == []
        assert [file.status for file in await layer.store.context_files(key)] == ["waiting"]
        assert await stored(layer) == [0, 0, 0]

    async def test_what_goes_while_it_is_being_stored_leaves_nothing(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key, _ = await thread_of(layer)
        element = cl.File(thread_id=key, name="f", content=b"long")
        await layer.create_element(element)
        add, begun, go_on = file_texts.add, asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def noting(*args: Any, **named: Any) -> bool:
            loop.call_soon_threadsafe(begun.set)
            return add(*args, **named)

        monkeypatch.setattr(file_texts, "add", noting)
        slowly = layer.store._releases.texts._slowly

        async def held(work: Any) -> Any:
            found = await slowly(work)
            if begun.is_set():
                await go_on.wait()
            return found

        monkeypatch.setattr(layer.store._releases.texts, "_slowly", held)
        texts = [f"{bird} {n}" for n in range(300) for bird in BIRDS]
        keeping = asyncio.create_task(layer.store.keep_text(sha256(b"long"), read(*texts)))
        await begun.wait()
        monkeypatch.setattr(layer.store._releases.texts, "_slowly", slowly)
        await layer.delete_element(element.id)
        await blob_names(layer)
        go_on.set()
        assert not await keeping
        assert await stored(layer) == [0, 0, 0]

    async def test_content_that_is_sent_again_while_it_goes_is_read_again(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        for _ in range(5):
            element = await attach(layer, key, *BIRDS)
            gone = asyncio.ensure_future(layer.delete_element(element))
            again = await attach(layer, key, *BIRDS)
            await gone
            await layer.drain()
            [file] = await layer.store.context_files(key)
            assert file.element_id == again
            if file.status == "waiting":  # it was let go before it was sent again
                assert await layer.store.keep_text(file.sha256, read(*BIRDS))
            assert await said(layer, key, "heron") == [BIRDS[0]]
            await layer.delete_element(again)
            assert await stored(layer) == [0, 0, 0]

    async def test_what_a_process_left_half_stored_goes_at_a_later_start(self, open_layer: OpenLayer) -> None:
        layer = open_layer()
        key, _ = await thread_of(layer)
        await attach(layer, key, *BIRDS)
        whole = await stored(layer)
        change(layer, "UPDATE file_texts SET state = 'making', created_at = 1")
        change(layer, "UPDATE blobs SET created_at = created_at")
        assert await said(layer, key, "heron") == []
        assert await layer.store.keep_text(sha256("\n".join(BIRDS).encode()), read(*BIRDS))
        await layer.close()
        layer = open_layer()
        await layer.store.open()
        assert await stored(layer) == whole
        assert await said(layer, key, "heron") == [BIRDS[0]]


class TestWhichFiles:
    async def test_only_those_of_the_conversation(self, layer: DataLayer) -> None:
        (one, _), (two, _) = await thread_of(layer), await thread_of(layer, "ben")
        mine, theirs = await attach(layer, one, *BIRDS), await attach(layer, two, "A secret heron", "Owls")
        assert await said(layer, one, "heron") == [BIRDS[0]]
        assert await said(layer, one, "secret") == []
        assert await said(layer, one, "heron", elements=[theirs]) == []
        assert await layer.store.read_passages(one, theirs) == []
        assert await layer.store.read_passages(two, mine) == []
        assert [file.element_id for file in await layer.store.context_files(two)] == [theirs]
        assert await layer.store.context_files("nowhere") == []

    async def test_a_newer_file_of_the_same_name_replaces_one_but_for_the_same_message(self, layer: DataLayer) -> None:
        key, asked = await thread_of(layer)
        old = await attach(layer, key, "The budget was 10", name="Büdget.TXT", for_id=asked)
        also = await attach(layer, key, "The budget of the others was 11", name="büdget.txt", for_id=asked)
        assert len(await said(layer, key, "budget")) == 2
        later = make_step(key, type="user_message", output="Now this")
        await layer.create_step(later)
        new = await attach(layer, key, "The budget is 20", name="budget.txt", for_id=later["id"])
        files = [(file.element_id, file.superseded) for file in await layer.store.context_files(key)]
        assert files == [(old, True), (also, True), (new, False)]
        assert await said(layer, key, "budget") == ["The budget is 20"]
        assert await said(layer, key, "budget", elements=[old]) == ["The budget was 10"]

    async def test_nobody_meets_what_the_name_that_another_gave_it_made_of_equal_content(
        self, layer: DataLayer
    ) -> None:
        (one, _), (two, _) = await thread_of(layer), await thread_of(layer, "ben")
        mine = await attach(
            layer, one, *BIRDS, name="a.docx", refused="broken", passages=(), kind=kind_of("x.docx", None)
        )
        await layer.create_element(cl.File(thread_id=two, name="b.txt", content="\n".join(BIRDS).encode()))
        assert [file.status for file in await layer.store.context_files(two)] == ["waiting"]
        theirs = await attach(layer, two, *BIRDS, name="c.TXT", kind=kind_of("x.txt", None))
        again = await attach(
            layer, one, *BIRDS, name="a.docx", refused="broken", passages=(), kind=kind_of("y.DOCX", "")
        )
        assert {file.element_id: file.status for file in await layer.store.context_files(one)} == {
            **{mine: "refused", again: "refused"},
        }
        files = await layer.store.context_files(two)
        assert [(file.name, file.status, file.refused) for file in files] == [
            *(("b.txt", "read", None), ("c.TXT", "read", None)),
        ]
        assert [each.element_id for each in await layer.store.find_passages(two, "heron")] == [theirs]
        assert await said(layer, one, "heron") == []
        assert await stored(layer) == [2, 3, 1]
        await layer.delete_thread(two)
        await layer.delete_thread(one)
        assert await stored(layer) == [0, 0, 0]

    async def test_a_citation_is_no_file_and_replaces_none(self, layer: DataLayer) -> None:
        key, asked = await thread_of(layer)
        element = await attach(layer, key, *BIRDS, for_id=asked)
        answer = make_step(key, output="In the reeds [1]")
        await layer.create_step(answer)
        [file] = await layer.store.context_files(key)
        cited = UpsertElement(
            thread_id=key,
            id="cited",
            at=now(),
            values={"for_id": answer["id"], "type": "text", "name": "birds.txt", "props": {CITES: {"passage": 1}}},
        )
        await layer.store.submit(cited, source=b"\n".join(bird.encode() for bird in BIRDS))
        assert await layer.store.context_files(key) == [file]
        assert [each.element_id for each in await layer.store.find_passages(key, "heron")] == [element]
        assert await layer.store.read_passages(key, "cited") == []
        await layer.delete_element(element)
        assert await layer.store.context_files(key) == []

    async def test_what_a_person_has_left_out_is_not_drawn_on_until_they_bring_it_back(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        element = await attach(layer, key, *BIRDS)
        for left_out, found in ((True, []), (False, [BIRDS[0]])):
            values = {"props": {LEFT_OUT: left_out}}
            await layer.store.submit(UpsertElement(thread_id=key, id=element, at=now(), values=values))
            assert await said(layer, key, "heron") == found
            assert len(await layer.store.context_files(key)) == len(found)

    async def test_none_of_a_version_that_is_aside(self, layer: DataLayer) -> None:
        key, asked = await thread_of(layer)
        await attach(layer, key, *BIRDS, for_id=asked)
        later = make_step(key, type="user_message", output="And this?")
        await layer.create_step(later)
        await attach(layer, key, "The budget is 20", name="budget", for_id=later["id"])
        await layer.store.submit(ChooseVersion(thread_id=key, id=asked, at=now(), text="What else?"))
        assert [file.name for file in await layer.store.context_files(key)] == ["birds.txt"]
        assert await said(layer, key, "budget") == []
        await layer.store.submit(ChooseVersion(thread_id=key, id=asked, at=now(), version=1))
        assert await said(layer, key, "budget") == ["The budget is 20"]

    async def test_none_in_the_trash_and_all_again_out_of_it(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *BIRDS)
        await layer.store.submit(TrashThread(thread_id=key, at=now()))
        assert await said(layer, key, "heron") == []
        assert await layer.store.context_files(key) == []
        await layer.store.submit(RestoreThread(thread_id=key, at=now()))
        assert await said(layer, key, "heron") == [BIRDS[0]]

    async def test_a_fork_has_the_files_as_its_own(self, layer: DataLayer) -> None:
        key, asked = await thread_of(layer)
        await attach(layer, key, *BIRDS, for_id=asked)
        whole = await layer.store.whole_thread(key)
        assert whole is not None
        fork = forks.fork("ann", *whole, "Fork", "one", None)
        await layer.store.submit(fork)
        before = await stored(layer)
        assert await said(layer, fork.thread_id, "heron") == [BIRDS[0]]
        await layer.delete_thread(key)
        assert await said(layer, fork.thread_id, "heron") == [BIRDS[0]]
        assert await stored(layer) == before

    async def test_files_with_equal_content_are_found_once_as_the_newest(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, *BIRDS, name="one")
        new = await attach(layer, key, *BIRDS, name="two")
        assert [each.element_id for each in await layer.store.find_passages(key, "heron")] == [new]


class TestFound:
    async def test_the_best_come_first_whatever_the_case_accents_and_endings(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        texts = (
            "L'élève a présenté les budgets régionaux.",
            "The planting of hedges began in 1987.",
            "Der Zug fährt.",
            "東京都の予算は増えた。",
            "Order number INV-2024-0042 was paid.",
        )
        element = await attach(layer, key, *texts)
        for question, place in (
            ("Quel budget regional les ELEVES presentent-ils ?", 1),
            ("When was the hedge planted?", 2),
            ("fahrt", 3),
            ("予算", 4),
            ("inv-2024-0042", 5),
        ):
            best = (await layer.store.find_passages(key, question))[0]
            assert (best.number, best.text, best.element_id) == (place, texts[place - 1], element), question
        scores = [each.score for each in await layer.store.find_passages(key, "hedges, budgets and orders of 1987")]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)

    async def test_headings_and_names_of_files_are_found_by(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        section = Passage("It rose by a tenth.", Place(heading=("Report", "Rainfall")))
        await attach(layer, key, name="a", passages=(section, Passage("It fell.", Place(heading=("Report",)))))
        assert await said(layer, key, "rainfall") == [section.text]
        await attach(layer, key, "The total is 7.", name="march.txt")
        await attach(layer, key, "The total is 8.", name="april.txt")
        assert (await said(layer, key, "the total in april"))[0] == "The total is 8."

    async def test_an_earlier_question_tells_what_it_is_about_and_counts_less(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, "The price of the heron is 5.", "The price of the owl is 6.", "The wren sings.")
        asked = "and its price?"
        assert (await said(layer, key, asked, before=["Tell me of the owl"]))[0] == "The price of the owl is 6."
        assert (await said(layer, key, "the heron's price", before=["the owl", "owl"]))[0].endswith("heron is 5.")

    async def test_a_question_without_a_word_finds_nothing_and_one_of_small_words_what_has_them(
        self, layer: DataLayer
    ) -> None:
        key, _ = await thread_of(layer)
        await attach(layer, key, "To be or not to be", "Something")
        for question in ("", "?!", "\0", "% _ '"):
            assert await said(layer, key, question) == []
        assert await said(layer, key, "to be or not to be") == ["To be or not to be"]
        assert await said(layer, key, "something", limit=0) == []

    async def test_all_of_a_users_files_are_searched_and_nobody_elses(self, layer: DataLayer) -> None:
        (one, _), (two, _), (three, _) = [await thread_of(layer, name) for name in ("ann", "ann", "ben")]
        await layer.update_thread(one, name="Marsh")
        first = await attach(layer, one, *BIRDS)
        second = await attach(layer, two, "Another heron flies.", name="two.txt")
        await attach(layer, three, "The secret heron of ben's", name="three.txt")
        ann, ben = await register(layer, "ann"), await register(layer, "ben")

        async def found(user: Any) -> set[tuple[str, str | None, str]]:
            some: list[FoundPassage] = await layer.store.find_in_files(user.id, "herons")
            return {(each.thread_id, each.thread_name, each.element_id) for each in some}

        assert {each[::2] for each in await found(ann)} == {(one, first), (two, second)}
        assert (one, "Marsh", first) in await found(ann)
        assert {each[0] for each in await found(ben)} == {three}
        await layer.store.submit(TrashThread(thread_id=one, at=now()))
        assert {each[0] for each in await found(ann)} == {two}

    async def test_of_words_that_are_everywhere_the_rare_ones_are_looked_at(
        self, layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(passages, "_POSTINGS", 5)
        key, _ = await thread_of(layer)
        await attach(layer, key, *(f"The bird {number}" for number in range(9)), "The heron", "The owl, the owl")
        assert await said(layer, key, "birds, herons and owls") == ["The owl, the owl", "The heron"]
        assert len(await said(layer, key, "birds")) == 9

    async def test_it_asks_the_same_number_of_statements_of_any_number_of_files(self, layer: DataLayer) -> None:
        key, _ = await thread_of(layer)
        counts = []
        for number in range(3):
            await attach(layer, key, *BIRDS, f"Number {number}", name=f"{number}")
            await layer.drain()
            with queries(layer) as seen:
                await layer.store.find_passages(key, "heron and owl")
            counts.append(len(seen))
        assert counts == [4] * 3


async def test_what_is_stored_of_words_is_of_the_text_only(layer: DataLayer) -> None:
    """Nothing of who has it, or under which name: equal content of others must not tell."""
    key, _ = await thread_of(layer)
    await attach(layer, key, *BIRDS, name="canaryname.txt")
    held = json.dumps([rows(layer, f"SELECT * FROM {table}") for table in TABLES], default=str)
    assert "heron" in held
    assert "canary" not in held
    assert "ann" not in held

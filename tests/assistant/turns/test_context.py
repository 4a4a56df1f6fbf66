"""What the files of a conversation have for a question."""

from dataclasses import replace
from typing import Any

import pytest

from assistant.models import ChatMessage
from assistant.turns.context import NATIVE_PAGES, Quotes, context_of, is_native, quotes
from assistant.turns.shelves import InMemory
from assistant.turns.sources import chosen, shown
from datalayer.passages import ContextFile, FileText, Passage, Place, kind_of


def file(key: str, name: str = "", **known: Any) -> ContextFile:
    given: dict[str, Any] = {
        **{"element_id": key, "for_id": f"q {key}", "name": name or f"{key}.txt", "mime": "text/plain", "size": 1},
        **{"sha256": f"sha {key}", "blob": key, "created_at": 0, "status": "waiting", "reader": None},
        **{"refused": None, "pages": None, "passages": 0, "cut": False, "superseded": False},
    }
    return ContextFile(**given | known)


async def shelf(**texts: list[str] | FileText) -> InMemory:
    held = InMemory("thread")
    for key, said in texts.items():
        held.add(file(key))
        read = said if isinstance(said, FileText) else FileText("r", tuple(Passage(each, Place()) for each in said))
        await held.keep(f"sha {key}", replace(read, kind=kind_of(f"{key}.txt", "text/plain")))
    return held


async def asked(held: InMemory, *questions: str) -> Any:
    return await context_of(held, await held.files(), [ChatMessage("user", each) for each in questions])


STONES = [f"Stone {n} is grey." for n in range(1, 200)]


async def test_a_small_file_comes_whole_with_the_best_first() -> None:
    context = await asked(await shelf(a=["Herons stand.", "Frogs jump.", "Storks clatter."]), "Which frogs jump?")
    assert [part.number for part in context.parts] == [2, 1, 3]
    assert context.found == 1
    assert not context.partial


async def test_of_a_large_one_come_the_best_with_their_neighbours() -> None:
    said = [*STONES[:80], "The bittern booms.", *STONES[80:]]
    context = await asked(await shelf(a=said), "Where does the bittern boom?")
    assert [part.number for part in context.parts] == [81, 80, 82]
    assert context.partial


async def test_a_question_is_understood_with_those_before_it() -> None:
    said = [*STONES[:80], "The bittern booms at dusk.", *STONES[80:]]
    held = await shelf(a=said)
    assert 81 in [part.number for part in (await asked(held, "Where is the bittern?", "And when?")).parts]


async def test_a_question_without_a_word_of_the_file_gets_its_beginning() -> None:
    context = await asked(await shelf(a=STONES), "Summarise!")
    assert [part.number for part in context.parts] == [1, 2, 3]
    assert context.found == 0


async def quoted(held: InMemory, *questions: str) -> Quotes:
    files, messages = await held.files(), [ChatMessage("user", each) for each in questions]
    return await quotes(await context_of(held, files, messages), held, files, messages)


async def test_without_a_model_what_a_question_itself_finds_is_quoted_first() -> None:
    held = await shelf(mail=["The room is called Copernic."], list=["A grapefruit word in UTF-16."])
    got = await quoted(held, "Where is the room Copernic?", "grapefruit")
    assert [part.element_id for part in got.parts] == ["list"]
    assert (got.asked, got.before) == ("grapefruit", False)


async def test_without_a_model_a_question_that_finds_nothing_is_not_answered_with_another() -> None:
    held = await shelf(mail=["The room is called Copernic."], a=STONES)
    for question in ("xylobrontosaur", "And when?"):
        got = await quoted(held, "Which room?", question)
        assert [part.text for part in got.parts] == ["The room is called Copernic."]
        assert (got.asked, got.before) == ("Which room?", True)
    assert not (await quoted(held, "xylobrontosaur")).parts
    assert not (await quoted(held, "wilhelmina", "xylobrontosaur")).parts


async def test_of_a_file_that_was_read_in_part_a_model_is_told_so() -> None:
    held = await shelf(a=FileText("r", (Passage("Ten crowns.", Place()),), cut=True), b=["Twelve."])
    context = await asked(held, "How many crowns?")
    assert context.cut == ("a.txt",)
    assert context.partial
    _, block = shown(chosen(context, 200), context)
    assert block.count("only its beginning could be read") == 1
    assert 'File "a.txt": only' in block


async def test_only_the_newest_of_a_name_answers_and_what_is_not_read_is_named() -> None:
    held = await shelf(a=["Ten crowns."], b=["Twelve crowns."], c=FileText("r", refused="encrypted"))
    listed = [
        file("a", status="read", passages=1, superseded=True),
        file("b", status="read", passages=1),
        file("c", status="refused", refused="encrypted"),
        file("d"),
        file("e", "photo.png", mime="image/png"),
        file("f", "scan.pdf", status="refused", refused="scanned"),
    ]
    context = await context_of(held, listed, [ChatMessage("user", "How many crowns?")])
    assert [part.text for part in context.parts] == ["Twelve crowns."]
    assert set(context.unread) == {"c.txt", "d.txt"}


async def test_a_conversation_without_files_has_no_context() -> None:
    assert not await asked(await shelf(), "What?")


@pytest.mark.parametrize(
    ("kind", "known", "native"),
    [
        ("image", {"superseded": True}, True),
        ("gif", {"status": "refused", "refused": "not_text"}, True),
        ("text", {"status": "read"}, False),
        ("text", {}, False),
        ("pdf", {}, True),
        ("pdf", {"status": "read", "pages": NATIVE_PAGES}, True),
        ("pdf", {"status": "read", "pages": NATIVE_PAGES + 1}, False),
        ("pdf", {"status": "read", "pages": 1, "size": 5_000_000}, False),
        ("pdf", {"status": "read", "pages": 1, "superseded": True}, False),
        ("pdf", {"status": "refused", "refused": "scanned"}, True),
        ("pdf", {"status": "refused", "refused": "encrypted"}, False),
    ],
)
def test_which_files_a_model_is_shown_as_they_are(kind: str, known: dict[str, Any], native: bool) -> None:
    assert is_native(file("a", **known), kind) is native


async def test_a_file_that_is_named_comes_first_and_all_names_are_told() -> None:
    held = await shelf(stones=STONES, **{"kiwis": ["They do not fly.", "They eat worms."], "rocks": STONES})
    for question in ("What does kiwis.txt say of what is grey?", "Sum up Kiwis"):
        context = await asked(held, question)
        assert [part.element_id for part in context.parts[:2]] == ["kiwis", "kiwis"]
        assert {*context.names} == {"stones.txt", "kiwis.txt", "rocks.txt"}
        _, block = shown(chosen(context, 200), context)
        assert "They eat worms." in block
        assert '"rocks.txt"' in block

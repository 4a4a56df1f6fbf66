"""PDF: what is on its pages, and that nothing that was said does anything there."""

import asyncio
import ctypes
import io
import json
import os
import threading
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from fontTools.ttLib import TTFont
from PIL import Image
from pypdfium2 import raw

import exchange
from datalayer import InvalidInput
from exchange import formats, sending
from exchange.formats.base import About
from exchange.formats.pdf import content, setting
from exchange.formats.pdf.letters import breakable
from exchange.packing import Page, PagesZip
from tests.exchange.made import ABOUT, AT, call, element, step, store, text_of, unpacked, vote, whole
from tests.exchange.test_formats import with_versions

SCRIPTS = {
    "latin": "Ça coûte « cher », œuvre, Łódź, žluťoučký kůň, ½ ≠ ∞ → ✓",
    "greek": "Ελληνικά και Русский",
    "chinese": "鸟类观察，苍鹭站在水中。鳥類",
    "japanese": "サギは水の中でじっと立っている",
    "korean": "왜가리는 물속에 가만히 서 있다",
    "arabic": "مرحبا بالعالم",
    "hebrew": "שלום עולם",
    "devanagari": "नमस्ते दुनिया",
    "bengali": "ওহে বিশ্ব",
    "tamil": "வணக்கம்",
    "thai": "สวัสดีชาวโลก",
    "georgian": "გამარჯობა",
    "armenian": "Բարեւ",
    "ethiopic": "ሰላም",
    "emoji": "😀 👩‍👩‍👧‍👦 👍🏽 ❤️ 🇫🇷 🏳️‍🌈 🧑🏿‍🚀",
}


def made(thread: Any, contents: Any = None, about: Any = ABOUT) -> bytes:
    return b"".join(Page(formats.PAGES["pdf"], about, contents).add([thread]))


def fonts(pdf: bytes) -> dict[str, bool]:
    """Names, and whether they are embedded."""
    found: dict[str, bool] = {}
    for page in pypdfium2.PdfDocument(pdf):
        for each in page.get_objects([raw.FPDF_PAGEOBJ_TEXT]):
            font = raw.FPDFTextObj_GetFont(each.raw)
            name = ctypes.create_string_buffer(200)
            raw.FPDFFont_GetBaseFontName(font, name, 200)
            found[name.value.decode()] = raw.FPDFFont_GetIsEmbedded(font) == 1
    return found


def pictures(pdf: bytes) -> int:
    return sum(len(list(page.get_objects([raw.FPDF_PAGEOBJ_IMAGE]))) for page in pypdfium2.PdfDocument(pdf))


def test_what_was_said_is_on_it_with_what_belongs_to_it(tmp_path: Path) -> None:
    contents, [lost, kept] = store(tmp_path, b"lost", b"kept")
    thread = whole(
        step("How do **herons** fish?", name="ann"),
        step("They stand still [1].", "assistant_message", number=2, name="gemini", status="stopped"),
        elements=[
            element("[1]", for_id="s2", props={"source": {"n": 1, "name": "h.pdf"}, "title": "h.pdf, p. 3"}, url="/"),
            element("lost.txt", lost, id="f"),
            element("notes.txt", kept, id="k", mime="text/plain"),
            element("site", id="w", url="https://example.org/a"),
        ],
        blobs=[kept],
        votes=[vote("s2", 0, "too short")],
        calls=[call(cost=12_000_000, model="flash")],
        folder="Work/Birds",
        tags=["grey", "été"],
    )
    pdf = made(thread, contents)
    text = text_of(pdf)
    for said in (
        "Birds",
        "How do herons fish?",
        "They stand still [1].",
        "This answer was not finished.",
        "h.pdf, p. 3",
        "Bad answer: too short",
        "lost.txt (its content is missing)",
        "notes.txt (not in this PDF: choose Markdown or HTML to have it)",
        "Work/Birds",
        "grey, été",
        "flash",
        "0.012 $",
        "2026-09-21 14:13 UTC",
        "1 / 1",
    ):
        assert said in text, said
    assert "*" not in text
    found = pypdfium2.PdfDocument(pdf)
    told = found.get_metadata_dict()
    assert (told["Title"], told["Author"], told["Keywords"]) == ("Birds", "ann", "Work/Birds, grey, été")
    assert [each.get_title() for each in found.get_toc()] == ["How do **herons** fish?"]
    assert raw.FPDFCatalog_IsTagged(found.raw) == 1
    assert raw.FPDFLink_Enumerate(found[0].raw, ctypes.c_int(0), raw.FPDF_LINK()) == 1


def test_it_speaks_french() -> None:
    about = About(AT, {}, "fr")
    thread = whole(step("x", status="failed"), user_identifier="élise", votes=[vote("s1", 1)])
    text = text_of(made(thread, about=about))
    for said in ("Auteur", "Dernier message", "Cette réponse n’a pas été terminée.", "Bonne réponse"):
        assert said in text


def test_other_versions_are_in_it() -> None:
    text = text_of(made(with_versions()))
    assert text.index("an avocet") < text.index("a heron") < text.index("grey") < text.index("black and white")


def test_all_scripts_are_drawn_by_fonts_that_are_in_it() -> None:
    marked = "\n\n".join(f"{said}, **{said}**, `{said}`\n\n    {said}" for said in SCRIPTS.values())
    pdf = made(whole(step(marked, "assistant_message")))
    text = " ".join(text_of(pdf).split())
    for script in ("latin", "greek", "chinese", "japanese", "korean", "thai", "georgian", "armenian", "ethiopic"):
        assert text.count(SCRIPTS[script]) >= 4, script
    found = fonts(pdf)
    assert [name for name, inside in found.items() if not inside] == []
    drawn = " ".join(found)
    expected = "NotoSans-Regular NotoSans-Bold Arabic Hebrew Devanagari Bengali Tamil Thai Georgian Armenian Ethiopic"
    assert [name for name in f"{expected} Droid Nanum DejaVuSansMono".split() if name not in drawn] == []


def test_every_letter_of_them_is_in_a_font() -> None:
    known = {letter for path in setting.FONTS.glob("*.ttf") for letter in TTFont(path).getBestCmap()}
    joined = ("Cf", "Mn", "Zs")
    letters = {letter for said in SCRIPTS.values() for letter in said if unicodedata.category(letter) not in joined}
    assert [letter for letter in letters if ord(letter) not in known] == []
    assert 0x107FF not in known


def test_a_long_word_stays_on_the_page_and_is_copied_as_it_is() -> None:
    word, address = "Supercalifragilistic" * 20, "https://example.org/" + "path/" * 50
    pdf = made(whole(step(f"{word} {address}\n\n```\n{word}\n```\n\n| a | b |\n|---|---|\n| {word} | x |")))
    assert text_of(pdf).replace("\n", "").count(word) == 3
    assert "\u200b" not in text_of(pdf)
    for page in pypdfium2.PdfDocument(pdf):
        width, _ = page.get_size()
        assert all(each.get_bounds()[2] < width - 40 for each in page.get_objects([raw.FPDF_PAGEOBJ_TEXT]))


def test_code_tables_and_formulas() -> None:
    said = "```python\ndef f(x):\n    return x\n```\n\n| Bird | Weight |\n|---|--:|\n| Heron | 1500 |\n\n"
    text = text_of(made(whole(step(said + "Then $E = mc^2$ and\n$$\\sum_{i=1}^n \\frac{1}{i}$$ and $\\foo$ for $5"))))
    assert "def f(x):\n    return x" in text.replace("\n ", "\n    ").replace("        ", "    ")
    assert "Heron" in text
    assert "𝐸" in text
    assert "∑" in text
    assert "$\\foo$ for $5" in text
    assert "mc^2" not in text


def test_the_right_order_of_what_is_written_from_the_right() -> None:
    assert [each[1] for each in content.blocks("مرحبا hello\n\nhello مرحبا\n\n- שלום\n\n**«123» שלום**")[:2]] == [
        "rtl",
        "ltr",
    ]
    assert content.blocks("- שלום")[0][3] == "rtl"
    assert content.blocks("1. «123» **שלום**")[0][3] == "rtl"


PICTURES = ("PNG", "JPEG", "GIF", "WEBP")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="red"/></svg>'


def picture(kind: str, size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind)
    return file.getvalue()


def test_pictures_are_shown_and_those_that_are_none_are_named(tmp_path: Path) -> None:
    bad = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='/etc/hostname'/><broken"
    contents, blobs = store(tmp_path, *map(picture, PICTURES), SVG, picture("PNG")[:60], bad, b"")
    kinds = [*map(str.lower, PICTURES), "svg+xml", "png", "svg+xml", "gif"]
    elements = [element(f"p{n}", blob, id=f"e{n}", mime=f"image/{kinds[n]}") for n, blob in enumerate(blobs)]
    pdf = made(whole(step("Look, a **heron**"), elements=elements, blobs=blobs), contents)
    text = text_of(pdf)
    assert pictures(pdf) == 4
    assert "Look, a heron" in text
    assert [f"p{n} (picture that cannot be shown)" in text for n in range(8)] == [False] * 5 + [True] * 3


def test_a_picture_of_any_size_stays_on_its_page(tmp_path: Path) -> None:
    sizes = [(2_000, 10), (10, 3_000), (1, 1), (30, 40)]
    contents, blobs = store(tmp_path, *(picture("PNG", size) for size in sizes))
    elements = [element(f"p{n}", blob, id=f"e{n}", mime="image/png") for n, blob in enumerate(blobs)]
    pdf = made(whole(step("x"), elements=elements, blobs=blobs), contents)
    assert pictures(pdf) == 4
    for page in pypdfium2.PdfDocument(pdf):
        for each in page.get_objects([raw.FPDF_PAGEOBJ_IMAGE]):
            left, bottom, right, top = each.get_bounds()
            assert left > 40
            assert right < page.get_width() - 40
            assert bottom > 40
            assert top < page.get_height() - 40


HOSTILE = (
    '#read("/etc/passwd")',
    '#import "@preview/cetz:0.1.0": *',
    '#image("/etc/hostname") #panic("x") #json("data.json") #while true {}',
    '$#read("/etc/passwd")$ and $$\\text{#read("/etc/passwd")}$$',
    '```typ\n#read("/etc/passwd")\n#eval("1/0")\n```',
    "[x](javascript:alert(1)) [y](file:///etc/passwd) ![z](http://evil.example/x.png) [](https://x) [e]()",
    "\x00\x01\x0c\x7f\u2028\ufffe \ud800 \r\n",
    '*/ // <label> @ref ~ --- \\u{41} "quotes" {} [] ()',
    "> " * 200 + "deep",
    "\n".join(" " * 2 * n + "- x" for n in range(60)),
    "**" * 500 + "x" + "**" * 500,
    "*[_a **b ~~c `d` [e](http://x.org) ~~ **_](http://x.org)*",
    "| " * 300 + "|\n" + "|---" * 300 + "|\n" + "| x " * 300 + "|",
    "$" + "{" * 15 + "x" + "}" * 15 + "$ $" + "\\sqrt{" * 14 + "x" + "}" * 14 + "$",
    "$$\\begin{pmatrix}\\end{pmatrix} \\frac{}{} x_{}^{} \\left. \\right. \\hat{} {}$$",
    "99999999999999999999. x\n\n999999999. y",
    "![](data:image/png;base64,xx) <script>alert(1)</script> &lt; &#0; &#x202e;",
    "x" * 20_000,
    "`" + "x" * 1_999 + "` `" + "x" * 20_000 + "`",
    "```\n" + "x" * 1_999 + "\n" + "x" * 20_000 + "\n```",
    "```python\n" + "\n".join("x" * 1_900 for _ in range(9)) + "\n```",
    "**" + "한a" * 5_000 + "**",
    "a $x$ " * 2_000,
    "",
    " \n\n ",
)


def test_what_was_said_does_nothing_and_is_set_with_its_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = list[bool]()
    run = setting._run
    monkeypatch.setattr(setting, "_run", lambda *given: runs.append(run(*given)) or runs[-1])
    steps = [step(said, number=n, name=said[:50] or None) for n, said in enumerate(HOSTILE, 1)]
    steps.append(step("**bold** at the end", number=len(steps) + 1))
    pdf = made(whole(*steps, name=HOSTILE[2], tags=list(HOSTILE), user_identifier=HOSTILE[0], folder=HOSTILE[0]))
    text = text_of(pdf)
    assert runs == [True]  # as it is
    assert "bold at the end" in text
    assert '#read("/etc/passwd")' in text.replace("\n", "")
    assert "root:" not in text
    links = [each for page in pypdfium2.PdfDocument(pdf) for each in addresses(page)]
    assert set(links) <= {"http://evil.example/x.png", "https://x", "http://x.org"}
    assert "http://evil.example/x.png" in links


def addresses(page: Any) -> list[str]:
    found, at, link = list[str](), ctypes.c_int(0), raw.FPDF_LINK()
    while raw.FPDFLink_Enumerate(page.raw, ctypes.byref(at), ctypes.byref(link)):
        address = ctypes.create_string_buffer(2_000)
        raw.FPDFAction_GetURIPath(page.pdf.raw, raw.FPDFLink_GetAction(link), address, 2_000)
        found.append(address.value.decode())
    return found


def test_a_message_that_cannot_be_set_is_set_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [["heading", 1, "ltr", [["text", "x"], ["link", "", []]]]]
    blocks = content.blocks
    monkeypatch.setattr("exchange.formats.pdf.document.blocks", lambda said: broken if "odd" in said else blocks(said))
    said = ["**one**", "**odd**", "**three**", "**four**", "**odd** too"]
    text = text_of(made(whole(*(step(each, number=n) for n, each in enumerate(said, 1)))))
    body = text[text.index("ann\n") :]
    assert [f"\n{each}\n" in body for each in ("one", "**odd**", "three", "four", "**odd** too")] == [True] * 5


def document(tmp_path: Path, *said: str) -> dict[str, Any]:
    from exchange.formats.pdf.document import _document, _Pictures

    thread = whole(*(step(each, number=n) for n, each in enumerate(said, 1)))
    return _document(thread, ABOUT, _Pictures(thread, "en", store(tmp_path)[0], tmp_path))


def test_a_picture_that_needs_too_much_memory_is_left_out_alone(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(picture("PNG", (9_000, 9_000)))
    given = document(tmp_path, "A **heron**")
    given["files"] = [{"name": "sea.png", "picture": "1.png", "note": "picture that cannot be shown", "url": None}]
    text = text_of(setting.made(tmp_path, given, memory=280 << 20).read_bytes())
    assert "A heron" in text
    assert "sea.png (picture that cannot be shown)" in text


def test_only_the_beginning_of_what_is_too_large_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = list[int]()
    run = setting._run

    def only_small(folder: Path, seconds: float, memory: int) -> bool:
        tried.append(len((folder / "data.json").read_bytes()))
        return tried[-1] < 2_000_000 and run(folder, seconds, memory)

    monkeypatch.setattr(setting, "_run", only_small)
    large = document(tmp_path, *("word " * 3_000 for _ in range(500)))
    text = text_of(setting.made(tmp_path, large | {"messages": large["messages"][:400]}).read_bytes())
    assert len(tried) == 4
    assert "too large for a PDF" in text.replace("\n", " ")


def test_a_process_that_takes_too_long_or_too_much_is_ended(tmp_path: Path) -> None:
    large = document(tmp_path, *("word " * 2_000 for _ in range(300)))
    (tmp_path / "data.json").write_text(json.dumps(large))
    assert not setting._run(tmp_path, 1, 1 << 32)
    assert not setting._run(tmp_path, 60, 100 << 20)
    assert not (tmp_path / "page.pdf").exists()


def test_the_process_has_none_of_the_secrets_of_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = tmp_path / "spy.py"
    spy.write_text("import json, os, sys; open(sys.argv[1] + '/env', 'w').write(json.dumps(dict(os.environ)))")
    monkeypatch.setattr(setting, "_WORKER", spy)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    setting._run(tmp_path, 10, 1 << 32)
    found = json.loads((tmp_path / "env").read_text())
    assert "PYTHONPATH" in found
    assert "sk-secret" not in found.values()


def test_nothing_is_left_of_it_also_where_it_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pieces = Page(formats.PAGES["pdf"], ABOUT, None).add([whole(step("x"))])  # type: ignore[arg-type]
    next(pieces)
    assert os.listdir(tmp_path) != []
    pieces.close()  # type: ignore[attr-defined]
    assert os.listdir(tmp_path) == []


def test_several_come_as_a_zip(tmp_path: Path) -> None:
    packing = PagesZip(formats.PAGES["pdf"], ABOUT, store(tmp_path)[0])
    threads = [whole(step(f"heron {n}"), id=f"{n}", name="Birds") for n in range(2)]
    found = unpacked(b"".join([*packing.begin(), *packing.add(threads), *packing.end()]))
    assert sorted(found) == ["Birds (2).pdf", "Birds.pdf"]
    assert "heron 1" in text_of(found["Birds (2).pdf"])


async def test_a_thread_that_no_store_has_is_made_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    where = list[str]()
    run = setting._run
    monkeypatch.setattr(setting, "_run", lambda *given: where.append(threading.current_thread().name) or run(*given))
    name, mime, pdf = await exchange.export_thread(whole(step("A **heron**")), "pdf")
    assert (name, mime) == ("Birds.pdf", "application/pdf")
    assert "A heron" in text_of(pdf)
    assert where[0].startswith("exchange-pages")


@pytest.mark.parametrize(("name", "at_once"), [("pdf", 1), ("html", 3)])
async def test_those_of_one_person_are_made_one_after_the_other(
    name: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = most = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        yield b"1"
        await asyncio.sleep(0)
        running -= 1

    async def made(*_: Any) -> exchange.Export:
        return exchange.Export("x", "x/y", pieces())

    async def fetched(who: str) -> bytes:
        answer: Any = await sending.download(None, exchange.Selection(who), name, "en")  # type: ignore[arg-type]
        return b"".join([piece async for piece in answer.body_iterator])

    monkeypatch.setattr(sending, "export", made)
    assert await asyncio.gather(*(fetched("ann") for _ in range(3))) == [b"1"] * 3
    assert most == at_once
    most = 0
    await asyncio.gather(fetched("ann"), fetched("ben"))
    assert most == 2
    assert not sending._turns


async def test_it_is_told_where_its_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    assert exchange.missing("pdf")
    with pytest.raises(InvalidInput, match=r"pip install 'threadkeep\[pdf\]'"):
        await exchange.export_thread(whole(), "pdf")


def test_places_to_break_are_between_whole_letters() -> None:
    assert breakable("short words stay") == "short words stay"
    word = "e\u0301" * 40
    assert breakable(word).replace("\u200b", "") == word
    assert "\u200b\u0301" not in breakable(word)
    assert breakable("كلمة" * 20) == "كلمة" * 20

"""Conversations are brought in from the library: looked at, brought in, stopped; each person's own. No file stays."""

import asyncio
import io
import json
import os
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request

import library
from datalayer import DataLayer
from datalayer.records import user_id
from exchange.importing import bounded
from library import bringing
from tests.conftest import rows
from tests.exchange.origins.chatgpts import conversation
from tests.library.conftest import Browser, OpenBrowser, links

PLACE = "/import"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where uploads lie."""
    found = tmp_path / "uploads"
    found.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(found))
    return found


def export(*conversations: Any, **members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("conversations.json", json.dumps(conversations))
        for name, content in members.items():
            made.writestr(name, content)
    return packed.getvalue()


async def send(browser: Browser, content: bytes, name: str = "export.zip", **fields: str) -> httpx.Response:
    """As the form does, and follows to the page that it leads to."""
    data = {"guard": fields.get("guard", browser.guard)}
    headers = {"origin": fields.get("origin", "http://chat")}
    address = f"{browser.root}/library{PLACE}"
    answer = await browser.post(address, data=data, files={"file": (name, content)}, headers=headers)
    browser.text = answer.text
    if answer.status_code == 303:
        assert answer.headers["location"] == address
        await browser.visit(PLACE)
    return answer


async def press(browser: Browser, what: str) -> httpx.Response:
    answer = await browser.do(what, path=PLACE)
    if answer.status_code == 303:
        await browser.visit(PLACE)
    return answer


async def over(browser: Browser) -> str:
    """The page once nothing is at work."""
    async with asyncio.timeout(20):
        while 'id="so-far"' in browser.text:
            await asyncio.sleep(0.01)
            await browser.visit(PLACE)
    return browser.text


def names(folder: Path) -> list[str]:
    """Of the files that lie there."""
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def gone(folder: Path) -> None:
    async with asyncio.timeout(20):
        while os.listdir(folder):  # noqa: ASYNC110 - there is no event for what a thread removes
            await asyncio.sleep(0.01)


def count(layer: DataLayer, user: str = "ann") -> int:
    found = rows(layer, f"SELECT count(*) FROM threads WHERE user_id = '{user_id(user)}'")
    return int(found[0][0])


@pytest.fixture
async def ready(browser: Browser) -> Browser:
    await browser.visit(PLACE)
    return browser


class _Held:
    """Imports wait until they may go on."""

    def __init__(self) -> None:
        self.may, self.running = asyncio.Event(), asyncio.Event()


@pytest.fixture
async def held(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Held]:
    waits, original = _Held(), bringing.exchange.run_import

    async def slow(*given: Any, **named: Any) -> Any:
        named["progress"](1)
        waits.running.set()
        await waits.may.wait()
        return await original(*given, **named)

    monkeypatch.setattr(bringing.exchange, "run_import", slow)
    yield waits
    waits.may.set()


async def test_it_is_looked_at_first_then_brought_in_and_again_nothing_changes(
    ready: Browser, mounted: DataLayer, folder: Path
) -> None:
    assert "/library/import" in links((await ready.visit()).text)
    await ready.visit(PLACE)
    assert (await send(ready, export(conversation(1), conversation(2), 5))).status_code == 303
    text = await over(ready)
    assert "Nothing was stored" in text
    assert "Conversations read (ChatGPT): 2" in text
    assert "conversations.json, item 3" in text
    assert count(mounted) == 0
    await press(ready, "bring")
    text = await over(ready)
    assert '<h1 id="heading">The conversations are here' in text
    assert "New: 2" in text
    [first, second] = [link for link in links(text) if link.startswith("/thread/")]
    assert first != second
    assert "/library?kind=imported" in links(text)
    await gone(folder)
    assert count(mounted) == 2
    assert (await ready.visit("?kind=imported")).status_code == 200
    assert sorted(ready.names) == ["Birds 1", "Birds 2"]
    await ready.visit(PLACE)
    await send(ready, export(conversation(1), conversation(2)))
    text = await over(ready)
    assert "There is nothing to bring in" in text
    assert "Were here, and are as they were: 2" in text
    assert 'value="bring"' not in text
    await gone(folder)


async def test_what_is_pressed_twice_is_done_once_and_a_file_that_is_left_goes(
    ready: Browser, mounted: DataLayer, folder: Path
) -> None:
    await send(ready, export(conversation(1)))
    await over(ready)
    again = ready.guard
    await press(ready, "bring")
    await over(ready)
    data = {"guard": again, "do": "bring"}
    assert (await ready.post("/library/import", data=data)).status_code == 303
    await ready.visit(PLACE)
    assert "The conversations are here" in ready.text
    await send(ready, export(conversation(2)))
    await over(ready)
    await press(ready, "forget")
    assert "Bring conversations in" in ready.text
    assert (await press(ready, "bring")).status_code == 422
    assert ready.notice == "The file is no longer here. Please choose it again."
    await gone(folder)
    assert count(mounted) == 1


async def test_one_import_at_a_time_which_all_tabs_see_and_can_stop(
    ready: Browser, open_browser: OpenBrowser, mounted: DataLayer, folder: Path, held: _Held
) -> None:
    await send(ready, export(conversation(1)))
    await held.running.wait()
    await ready.visit(PLACE)
    assert "1 conversation looked at" in ready.text
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in ready.text
    answer = await send(ready, export(conversation(2)))
    assert (answer.status_code, ready.notice[:24]) == (409, "Another import of yours ")
    tab = open_browser()
    await tab.visit(PLACE + "?known=trying")
    assert 'id="so-far"' in tab.text
    assert (await tab.visit(PLACE + "?known=tried")).headers["hx-refresh"] == "true"
    await tab.visit(PLACE)
    await press(tab, "stop")
    assert "Stopped" in tab.text
    await ready.visit(PLACE)
    assert "1 conversation had been gone through" in ready.text
    await gone(folder)
    held.may.set()
    await send(ready, export(conversation(3)))
    await over(ready)
    await press(ready, "bring")
    await over(ready)
    assert rows(mounted, "SELECT name FROM threads")[0][0] == "Birds 3"


async def test_nobody_sees_or_holds_up_somebody_elses(
    ready: Browser, open_browser: OpenBrowser, mounted: DataLayer, held: _Held
) -> None:
    await send(ready, export(conversation(1)))
    await held.running.wait()
    ben = open_browser("ben")
    await ben.visit(PLACE)
    assert 'id="so-far"' not in ben.text
    assert (await ben.visit(PLACE + "?known=trying")).headers["hx-refresh"] == "true"
    await ben.visit(PLACE)
    await press(ben, "stop")
    await press(ben, "forget")
    await ready.visit(PLACE)
    assert 'id="so-far"' in ready.text
    await ben.visit(PLACE)
    held.may.set()
    await send(ben, export(conversation(2)))
    await over(ben)
    await press(ben, "bring")
    await over(ben)
    assert (count(mounted, "ben"), count(mounted)) == (1, 0)


async def test_few_run_at_once_and_the_others_wait_for_their_turn(
    ready: Browser, open_browser: OpenBrowser, held: _Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "AT_ONCE", 1)
    monkeypatch.setattr(bringing, "HELD", 2)
    await send(ready, export(conversation(1)))
    await held.running.wait()
    for name, status in (("ben", 303), ("cem", 429)):
        other = open_browser(name)
        await other.visit(PLACE)
        assert (await send(other, export(conversation(1)))).status_code == status
    assert other.notice.startswith("Other people are importing")
    held.may.set()
    await over(ready)


ODD: dict[str, tuple[str, bytes, str]] = {
    "no export": ("x.zip", b"\x00\x01 none", "no export of any product"),
    "a picture": ("x.png", b"\x89PNG\r\n\x1a\n", "no export of any product"),
    "no conversations": ("x.zip", export(), "There is nothing to bring in"),
    "cut off": ("x.zip", export(conversation(1))[:-40], "There is nothing to bring in"),
    "paths": ("../../../x.zip", export(conversation(1), **{"../../etc/x": b"x"}), "New: 1"),
    "an odd name": ("a\x01/..\\<b>\u202e.zip", export(conversation(1)), "New: 1"),
}


@pytest.mark.parametrize(("name", "content", "said"), ODD.values(), ids=ODD)
async def test_odd_files_are_told_and_go(
    ready: Browser, mounted: DataLayer, folder: Path, name: str, content: bytes, said: str
) -> None:
    await send(ready, content, name)
    assert said in await over(ready)
    assert "Traceback" not in ready.text
    if "New" in said:
        assert len(names(folder)) == 1
        await press(ready, "forget")
    await gone(folder)
    assert count(mounted) == 0


async def test_a_zip_bomb_is_told(ready: Browser, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LIMITS", bounded.Limits(ratio_from=1_000_000))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("conversations.json", b'[{"mapping":{}, "title":"' + b"a" * 5_000_000)
    await send(ready, packed.getvalue())
    assert "There is nothing to bring in" in await over(ready)
    await gone(folder)


BAD: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "empty": (b"", {}, 422, "This file is empty."),
    "no file": (b"x", {"name": ""}, 422, "Choose a file first."),
    "guard": (b"x", {"guard": "forged"}, 403, "This page was made for another session"),
    "elsewhere": (b"x", {"origin": "http://elsewhere"}, 403, "This page was made for another session"),
}


@pytest.mark.parametrize(("content", "fields", "status", "said"), BAD.values(), ids=BAD)
async def test_what_cannot_be_is_told_on_the_page(
    ready: Browser, folder: Path, content: bytes, fields: dict[str, str], status: int, said: str
) -> None:
    answer = await send(ready, content, **fields)
    assert (answer.status_code, ready.notice[: len(said)]) == (status, said)
    await gone(folder)
    await send(ready, export(conversation(1)))  # the place is free again
    assert "New: 1" in await over(ready)


def form(*parts: bytes) -> tuple[bytes, dict[str, str]]:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return body, {"content-type": "multipart/form-data; boundary=b", "origin": "http://chat"}


def part(name: str, content: bytes, file: str = "") -> bytes:
    named = f'; filename="{file}"' if file else ""
    return f'Content-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content


async def test_forms_that_no_page_has_made(ready: Browser, folder: Path) -> None:
    guard = part("guard", ready.guard.encode())
    file = part("file", export(conversation(1)), "x.zip")
    for parts, end, status in (
        ((file, guard), b"--b--\r\n", 403),  # what proves where it comes from is behind
        ((guard, file), b"", 400),
        ((guard, part("other", b"x" * 100_000), file), b"--b--\r\n", 413),
        ((guard, part("file", b"x")), b"--b--\r\n", 422),
        ((b"X: " + b"y" * 100_000,), b"--b--\r\n", 400),
        ((), b"", 422),
    ):
        body, headers = form(*parts)
        answer = await ready.post("/library/import", content=body + end, headers=headers)
        assert answer.status_code == status, parts
        await gone(folder)
    body, headers = form(guard, file, file, file)
    assert (await ready.post("/library/import", content=body + b"--b--\r\n", headers=headers)).status_code == 303
    assert names(folder) == ["x.zip"]


class BrokenOff(Exception):
    pass


async def test_an_upload_that_breaks_off_leaves_nothing(ready: Browser, folder: Path, mounted: DataLayer) -> None:
    body, headers = form(part("guard", ready.guard.encode()), part("file", b"x" * 1_000_000, "x.zip"))

    async def pieces() -> AsyncIterator[bytes]:
        yield body
        assert names(folder) == ["x.zip"]
        raise BrokenOff

    with pytest.raises(BrokenOff):
        await ready.post("/library/import", content=pieces(), headers=headers)
    await gone(folder)
    await ready.visit(PLACE)
    assert 'id="so-far"' not in ready.text


async def test_what_is_too_large_is_told_before_and_while_it_comes(
    open_browser: OpenBrowser, mounted: DataLayer, folder: Path
) -> None:
    library.mount(mounted, largest_import=100_000)
    browser = open_browser()
    await browser.visit(PLACE)
    assert "Up to 100\u00a0kB" in browser.text
    answer = await send(browser, b"x" * 300_000)
    assert (answer.status_code, browser.notice[:22]) == (413, "This file is too large")

    async def pieces() -> AsyncIterator[bytes]:
        body, _ = form(part("guard", browser.guard.encode()), part("file", b"", "x.zip"))
        yield body.removesuffix(b"\r\n")
        for _ in range(5):
            yield b"x" * 50_000

    answer = await browser.post("/library/import", content=pieces(), headers=form()[1])
    assert answer.status_code == 413
    await gone(folder)


async def test_what_waits_goes_when_its_owner_signs_out_or_forgets_it(
    open_browser: OpenBrowser, mounted: DataLayer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = []

    async def stays(_: Request) -> bool:
        if isinstance(answer := answers[-1], Exception):
            raise answer
        return bool(answer)

    library.mount(mounted, stays=stays)
    ready = open_browser()
    await ready.visit(PLACE)
    answers.append(True)
    monkeypatch.setattr(bringing, "PAUSE", 0.01)
    await send(ready, export(conversation(1)))
    await over(ready)
    await gone(folder)  # after so many pauses
    monkeypatch.setattr(bringing, "PAUSES", 1_000_000)
    await ready.visit(PLACE)
    await send(ready, export(conversation(1)))
    assert "New: 1" in await over(ready)
    answers.append(bringing.StoreUnavailable("away"))
    await asyncio.sleep(0.05)
    assert names(folder) == ["export.zip"]
    answers.append(False)
    await gone(folder)
    await ready.visit(PLACE)
    assert 'value="bring"' not in ready.text


async def test_failures_are_told(
    ready: Browser, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def raising(error: Exception) -> Any:
        async def run_import(*_: Any, **__: Any) -> Any:
            raise error

        return run_import

    for error, said in (
        (OSError(28, "full"), "There is no room left"),
        (bringing.StoreUnavailable("away"), "cannot be reached right now"),
        (ValueError("secret"), "Something unexpected has happened"),
    ):
        monkeypatch.setattr(bringing.exchange, "run_import", raising(error))
        await send(ready, export(conversation(1)))
        assert said in await over(ready)
        assert "secret" not in ready.text
        await gone(folder)


async def test_full_storage_is_told(open_browser: OpenBrowser, mounted: DataLayer) -> None:
    library.mount(mounted, storage=0)
    browser = open_browser()
    await browser.visit(PLACE)
    assert (await send(browser, export(conversation(1)))).status_code == 413
    assert browser.notice.startswith("The room for your files is used up")


async def test_who_is_not_signed_in_is_led_to_the_sign_in(open_browser: OpenBrowser) -> None:
    browser = open_browser(None)
    assert (await browser.visit(PLACE)).status_code == 303
    answer = await browser.post("/library/import", files={"file": ("x", b"x")})
    assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login")

"""The page as a person uses it: one method an action, waiting for what a person would wait for."""

import re
import shutil
import signal
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.accounts import AccountsOf
from tests.processes import ROOT, SERVE, Server, free_port, running_server

DEADLINE = 60_000
NEW_ID = re.compile(r"/thread/([0-9a-f-]{36})(?:\?step=|$)")


class App:
    """The real server on one port, with one home that outlives its processes. Nothing is written into the checkout."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.home, self._folder, self._port = folder / "home", folder / "app", free_port()
        self._env = {"THREADKEEP_HOME": str(self.home), **env}
        self.url = f"http://127.0.0.1:{self._port}"
        self._folder.mkdir(parents=True)
        for file in (ROOT / "app.py", *ROOT.glob("chainlit*.md")):
            shutil.copy(file, self._folder)
        for name in (".chainlit", "public"):
            shutil.copytree(ROOT / name, self._folder / name)
        self._processes = ExitStack()
        self._server: Server | None = None

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.process.poll() is None

    def start(self) -> None:
        self._server = self._processes.enter_context(running_server(self._folder, self._env, self._port, code=SERVE))

    def kill(self, number: signal.Signals) -> None:
        assert self._server is not None
        self._server.kill(number)

    @contextmanager
    def dying(self) -> Iterator[None]:
        """It reads nothing more, while its connections stay open; then it is killed."""
        assert self._server is not None
        self._server.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.kill(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It reads nothing, then all at once."""
        assert self._server is not None
        self._server.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._processes.close()


@contextmanager
def with_account(folder: Path, password: str = "correct horse", **env: str) -> Iterator[App]:
    """A running server on which Camille has an account."""
    app = App(folder, THREADKEEP_AUTH="accounts", **env)
    app.home.mkdir(mode=0o700)
    AccountsOf(app.home).add("camille", password)
    try:
        app.start()
        yield app
    finally:
        app.close()


class Chat:
    """One tab."""

    def __init__(self, page: Page, app: App) -> None:
        self.page, self.app = page, app
        self.input = page.locator("#chat-input")
        self.questions = page.locator('.step[data-step-type="user_message"]')
        self.answers = page.locator('.step[data-step-type="assistant_message"] .ai-message')
        self.sidebar = page.locator('[data-sidebar="sidebar"]')
        self.titles = self.sidebar.locator('li[id^="thread-"] .truncate')
        self.toasts = page.locator("[data-sonner-toast]")
        self.stop_button = page.locator("#stop-button")
        self.editor = page.locator("#edit-chat-input")

    # Places

    def open(self, path: str = "/") -> None:
        self.page.goto(self.app.url + path)
        self.ready()

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    def ready(self) -> None:
        """The page is connected: the gear is there once the server has sent the settings of this conversation."""
        expect(self.page.locator("#chat-settings-open-modal")).to_be_enabled(timeout=DEADLINE)

    def new(self) -> None:
        """A new conversation, as the button in the sidebar starts it."""
        with self.page.expect_websocket():
            self.page.locator("#new-chat-button").click()
        expect(self.questions).to_have_count(0)
        self.ready()

    def thread_id(self) -> str:
        self.page.wait_for_url(NEW_ID)
        found = NEW_ID.search(self.page.url)
        assert found
        return found[1]

    def entry(self, title: str) -> Locator:
        """The line of a conversation in the sidebar."""
        return self.sidebar.locator('li[id^="thread-"]').filter(
            has=self.page.locator(".truncate").get_by_text(title, exact=True)
        )

    def listed(self, *titles: str) -> Locator:
        """The lines of the sidebar with one of these titles, in the order they have there."""
        return self.titles.filter(has_text=re.compile("^(" + "|".join(map(re.escape, titles)) + ")$"))

    def open_thread(self, title: str) -> None:
        self.entry(title).locator("a").click()
        expect(self.entry(title).locator('[data-active="true"]')).to_be_visible()
        expect(self.questions.first).to_be_visible()
        self.ready()

    # Writing and reading

    def type(self, text: str) -> None:
        self.input.click()
        self.input.press_sequentially(text) if len(text) < 20 else self.page.keyboard.insert_text(text)

    def submit(self) -> None:
        expect(self.page.locator("#chat-submit")).to_be_enabled()
        self.page.locator("#chat-submit").click()

    def send(self, text: str, *files: tuple[str, str, bytes]) -> str:
        """Say ``text``, wait for the whole answer, and return it. ``files``: (name, type, content)."""
        before = self.answers.count()
        if files:
            self.attach(*files)
        self.type(text)
        self.submit()
        return self.answer(before)

    def edit(self, number: int, text: str) -> None:
        """Writes ``text`` over the question with this number, from 0, and sends it."""
        question = self.questions.nth(number)
        question.hover()
        question.locator(".edit-message").click()
        question.locator("#edit-chat-input").fill(text)
        question.locator(".confirm-edit").click()

    def attach(self, *files: tuple[str, str, bytes]) -> None:
        self.page.locator("#upload-button-input").set_input_files(
            [{"name": name, "mimeType": mime, "buffer": content} for name, mime, content in files]
        )

    def answer(self, number: int) -> str:
        """The finished text of the answer with this number, from 0."""
        expect(self.answers.nth(number).locator(".message-content")).not_to_be_empty(timeout=DEADLINE)
        self.finished()
        return self.answer_text(number)

    def finished(self) -> None:
        expect(self.stop_button).to_have_count(0, timeout=DEADLINE)
        expect(self.page.locator("#chat-submit")).to_be_visible()

    def answer_text(self, number: int = -1) -> str:
        return self.answers.nth(number).locator(".message-content").inner_text()

    def conversation(self) -> list[str]:
        """All texts on the page, top down."""
        return self.page.locator(".step .message-content").all_inner_texts()

    # Settings

    def settings(self) -> dict[str, str]:
        """What the panel shows."""
        panel = self.open_settings()
        shown = {
            "model": panel.locator("button#model").inner_text(),
            "temperature": panel.locator("#temperature [role=slider]").get_attribute("aria-valuenow") or "",
            "system_prompt": panel.locator("textarea#system_prompt").input_value(),
        }
        self.page.keyboard.press("Escape")
        expect(panel).to_have_count(0)
        return shown

    def set(self, model: str, tenths: int, system_prompt: str) -> None:
        """``tenths``: the temperature, by arrow keys from 0."""
        panel = self.open_settings()
        panel.locator("button#model").click()
        self.page.get_by_role("option", name=model).click()
        slider = panel.locator("#temperature [role=slider]")
        slider.press("Home")
        for _ in range(tenths):
            slider.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuenow", re.compile(rf"^{tenths / 10:g}"))
        panel.locator("textarea#system_prompt").fill(system_prompt)
        panel.locator("#confirm").click()
        expect(panel).to_have_count(0)

    def open_settings(self) -> Locator:
        self.page.locator("#chat-settings-open-modal").click()
        panel = self.page.locator("#chat-settings")
        expect(panel).to_be_visible()
        return panel

    # The menu of a conversation

    def menu(self, title: str, item: str) -> None:
        """``item``: rename-thread or delete-thread."""
        self.entry(title).hover()
        self.entry(title).locator("#thread-options").click()
        self.page.locator(f"#{item}").click()

    def rename(self, title: str, name: str) -> None:
        self.menu(title, "rename-thread")
        dialog = self.page.get_by_role("dialog")
        dialog.locator("#name").fill(name)
        dialog.get_by_role("button").nth(1).click()
        expect(self.entry(name)).to_be_visible()
        self.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

    def delete(self, title: str) -> None:
        self.menu(title, "delete-thread")
        dialog = self.page.get_by_role("alertdialog")
        dialog.get_by_role("button").last.click()
        expect(self.entry(title)).to_have_count(0)

    def search(self, words: str) -> Locator:
        """The hits of the search dialog for ``words``."""
        if not self.page.locator("[cmdk-input]").is_visible():
            self.page.locator("#search-chats-button").click()
        with self.page.expect_response(lambda answer: answer.url.endswith("/project/threads")):
            self.page.locator("[cmdk-input]").fill(words)
        return self.page.locator("[cmdk-item]")

    # Files

    def picture_width(self, number: int = 0) -> int:
        """The true width of a picture in the conversation, once it is loaded."""
        picture = self.questions.locator("img").nth(number)
        # Again and again: what comes from above is not seen while the page keeps its place, and then it is not loaded.
        script = "img => { img.scrollIntoView({ block: 'nearest' }); return img.complete; }"
        self.page.wait_for_function(script, arg=picture.element_handle())
        return int(picture.evaluate("img => img.naturalWidth"))

    def fetched(self, url: str) -> tuple[int, str]:
        """The status of ``url`` as the page gets it, and how its content begins."""
        script = "async url => { const a = await fetch(url); return [a.status, (await a.text()).slice(0, 5)]; }"
        status, start = self.page.evaluate(script, url)
        return status, start


def png(width: int, height: int, color: tuple[int, int, int] = (40, 120, 110)) -> bytes:
    """A picture of one color."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(color) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pdf(*texts: str) -> bytes:
    """A page for each of ``texts``."""
    pages = [4 + 2 * place for place in range(len(texts))]
    kids = b" ".join(b"%d 0 R" % number for number in pages)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(texts)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in zip(pages, texts, strict=True):
        drawn = f"BT /F1 24 Tf 20 60 Td ({text}) Tj ET".encode()
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 120] /Contents %d 0 R" % (number + 1)
        objects += [
            page + b" /Resources << /Font << /F1 3 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return body + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, len(body))
    )

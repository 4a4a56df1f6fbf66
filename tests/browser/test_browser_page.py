"""The page itself: refused files, the dark theme, and that nothing comes from anywhere but this server."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.chat import png
from tests.browser.conftest import OpenTab
from tests.processes import ROOT

pytestmark = pytest.mark.browser


REFUSED = {
    "en-US": {
        "empty.txt": "Could not upload empty.txt: The file is empty",
        "pages.exe": "This type of file is not accepted. Attach pictures, sound, video, PDF, "
        "text, code or office documents.",
    },
    "fr-FR": {
        "empty.txt": "Impossible d’envoyer empty.txt\u00a0: le fichier est vide.",
        "pages.exe": "Ce type de fichier n’est pas accepté. Joignez des images, des sons, des vidéos, des PDF, "
        "des textes, du code ou des documents bureautiques.",
    },
}
CONTENT = {"empty.txt": b"", "pages.exe": b"<p>hello</p>"}


@pytest.mark.parametrize("locale", REFUSED)
def test_a_file_that_cannot_be_taken_is_refused_with_a_reason(tab: OpenTab, tmp_path: Path, locale: str) -> None:
    chat = tab(locale=locale)
    chat.type("Please read this file")
    for name, reason in REFUSED[locale].items():
        (tmp_path / name).write_bytes(CONTENT[name])
        chat.page.locator("#upload-button-input").set_input_files(tmp_path / name)
        toast = chat.toasts.filter(has_text=reason)
        expect(toast).to_be_visible()
        assert toast.inner_text() == reason
    expect(chat.page.locator("#attachments")).to_have_count(0)
    expect(chat.input).to_have_value("Please read this file")
    chat.attach(("green.png", "image/png", png(8, 8)))
    expect(chat.page.locator("#attachments img")).to_be_visible()
    chat.submit()
    chat.answer(0)
    assert chat.picture_width() == 8


def test_a_dark_system_gets_the_dark_theme(tab: OpenTab) -> None:
    chat = tab(color_scheme="dark")
    expect(chat.page.locator("html")).to_have_class(re.compile(r"\bdark\b"))
    dark = json.loads((ROOT / "public/theme.json").read_text(encoding="utf-8"))["variables"]["dark"]
    for name in ("--background", "--primary", "--sidebar-background"):
        shown = chat.page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name)", name)
        assert shown.strip() == dark[name]
    logo = chat.page.locator("img.logo, img[alt=logo]").first
    expect(logo).to_be_visible()
    assert "dark" in (logo.get_attribute("src") or "")


def test_everything_comes_from_this_server(tab: OpenTab) -> None:
    chat = tab("/")
    asked: list[tuple[str, str]] = []
    failed: list[str] = []
    chat.page.on("request", lambda request: asked.append((urlsplit(request.url).scheme, urlsplit(request.url).netloc)))
    chat.page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    chat.reload()
    chat.send("Something with $x^2$ and `code` in it", ("green.png", "image/png", png(8, 8)))
    chat.reload()
    assert chat.picture_width() == 8
    assert len(asked) > 10
    ours = urlsplit(chat.app.url).netloc
    assert {host for scheme, host in asked if scheme not in ("blob", "data")} == {ours}
    assert not failed
    for path in ("/favicon", "/logo?theme=light", "/logo?theme=dark"):
        assert chat.fetched(path)[0] == 200
    foreign = chat.page.locator('link[href^="http"], script[src^="http"], img[src^="http"]')
    assert {urlsplit(str(url)).netloc for url in foreign.evaluate_all("all => all.map(e => e.href || e.src)")} <= {ours}

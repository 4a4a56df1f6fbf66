"""The quota ends: the formatter answers at once, and *Try again* puts the model's answer in its place."""

import json
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from assistant.texts import Language, say
from tests.browser.chat import App, Chat, png
from tests.browser.conftest import OpenTab
from tests.servers.gemini import (
    GeminiServer,
    error_body,
    error_info,
    failure,
    finish,
    quota,
    quota_details,
    text,
)
from tests.servers.http import Chunk

pytestmark = pytest.mark.browser
TITLE = "Rivers of ice"


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("quota"), GEMINI_API_KEY="test-key", GEMINI_BASE_URL=gemini.url)
    try:
        app.start()
        yield app
    finally:
        app.close()


def answered(chat: Chat, contains: str) -> None:
    expect(chat.answers.last).to_contain_text(contains)
    chat.finished()


@pytest.mark.parametrize(("locale", "to"), [("en-US", "en"), ("fr-FR", "fr")])
def test_the_formatter_answers_and_try_again_brings_the_models_answer(
    tab: OpenTab, gemini: GeminiServer, locale: str, to: Language
) -> None:
    chat = tab(locale=locale)
    gemini.script(quota("37s"))
    chat.send(f"How do glaciers move, {to}?")
    why = say("without_model", to, why=say("quota", to, model="Gemini 2.5 Flash")).replace("**", "")
    shown = " ".join(chat.answer_text().split())
    assert shown.startswith(" ".join(why.split()))
    assert ("It should be back ", "Il devrait être de retour ")[to == "fr"] in shown

    chat.page.wait_for_timeout(1000)  # people who ask again are let through once a second
    gemini.script(text("They slide and "), text("they creep."), finish())
    gemini.script(text(TITLE), finish())
    chat.page.get_by_role("button", name=say("try_again", to)).click()
    answered(chat, "They slide and they creep.")
    expect(chat.answers).to_have_count(1)
    expect(chat.page.get_by_text(" ".join(why.split()))).to_have_count(0)
    expect(chat.entry(TITLE)).to_be_visible()

    chat.reload()
    expect(chat.answers).to_have_count(1)
    assert chat.answer_text() == "They slide and they creep."
    chat.delete(TITLE)


def test_a_quota_that_ends_in_mid_answer_keeps_its_beginning_until_it_is_replaced(
    tab: OpenTab, gemini: GeminiServer
) -> None:
    chat = tab()
    error = Chunk(error_body(429, "RESOURCE_EXHAUSTED", "Enough.", *quota_details("2s", "GenerateRequestsPerMinute")))
    gemini.script(text("Slowly, "), error)
    chat.send("How fast is a glacier?")
    assert chat.answer_text().startswith("Slowly, \n\nThe answer broke off here") or "broke off" in chat.answer_text()
    chat.reload()  # the offer comes back with the conversation
    chat.page.wait_for_timeout(1000)
    gemini.script(text("A metre a day."), finish())
    gemini.script(text("Speed of ice"), finish())
    chat.page.get_by_role("button", name=say("try_again", "en")).click()
    answered(chat, "A metre a day.")
    expect(chat.answers).to_have_count(1)


def test_the_last_answer_can_be_had_again(tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab()
    gemini.script(text("Blue."), finish())
    gemini.script(text("Colour of ice"), finish())
    chat.send("What colour is ice?", ("ice.png", "image/png", png(8, 8)))
    sent = gemini.requests[-1].body if len(gemini.requests) == 1 else gemini.requests[-2].body
    assert "inlineData" in json.dumps(sent)
    expect(chat.entry("Colour of ice")).to_be_visible()
    gemini.script(text("White, mostly."), finish())
    chat.page.locator("button:has(svg.lucide-refresh-cw)").click()
    answered(chat, "White, mostly.")
    expect(chat.answers).to_have_count(1)
    assert "inlineData" in json.dumps(gemini.requests[-1].body)  # the picture is asked about again
    gemini.script(text("Two."), finish())
    chat.send("How many?")
    expect(chat.page.locator("button:has(svg.lucide-refresh-cw)")).to_have_count(1)
    assert "inlineData" in json.dumps(gemini.requests[-1].body)  # and so it is in what follows


def test_a_wrong_key_is_one_clear_line(tab: OpenTab, gemini: GeminiServer, app: App) -> None:
    chat = tab()
    gemini.script(failure(400, "INVALID_ARGUMENT", "API key not valid: test-key", error_info("API_KEY_INVALID")))
    chat.send("Does the key fit?")
    assert "the key for Gemini 2.5 Flash is not accepted" in chat.answer_text()
    assert "test-key" not in chat.page.locator("body").inner_text()


def test_usage_is_a_table_and_a_chart(tab: OpenTab, gemini: GeminiServer, app: App) -> None:
    chat = tab()
    gemini.script(text("Cold."), finish(usage={"promptTokenCount": 1200, "candidatesTokenCount": 340}))
    gemini.script(text("Feel of ice"), finish())
    chat.send("How does ice feel?")
    expect(chat.entry("Feel of ice")).to_be_visible()
    before = len(gemini.requests)
    chat.send("/usage")
    table = chat.answers.last.locator("table").first
    expect(table).to_contain_text("Gemini 2.5 Flash")
    expect(table).to_contain_text("1,202")  # with the two that the title took
    expect(chat.page.locator(".js-plotly-plot, .plotly").first).to_be_visible()
    assert len(gemini.requests) == before  # a command never reaches a model
    app.kill(signal.SIGKILL)
    app.start()
    chat.reload()
    expect(chat.answers.last.locator("table").first).to_contain_text("1,202")
    expect(chat.page.locator(".js-plotly-plot, .plotly").first).to_be_visible()

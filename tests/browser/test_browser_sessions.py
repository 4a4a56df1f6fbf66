"""Four conversations in a French browser: three are held ready, the fourth is whole in the sidebar and goes on."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from assistant.commands.names import COMMANDS
from assistant.texts import say
from tests.browser.chat import App, Chat
from tests.browser.conftest import OpenTab
from tests.servers.gemini import GeminiServer, finish, text

pytestmark = pytest.mark.browser
TOWNS = ("Brest", "Nantes", "Rennes", "Vannes")


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    gemini.default = (text("Bien."), finish())
    app = App(tmp_path_factory.mktemp("sessions"), GEMINI_API_KEY="test-key", GEMINI_BASE_URL=gemini.url)
    try:
        app.start()
        yield app
    finally:
        app.close()


def ask(chat: Chat, gemini: GeminiServer, question: str, answer: str, title: str = "") -> None:
    gemini.script(text(answer), finish())
    if title:
        gemini.script(text(title), finish())
    assert chat.send(question) == answer
    if title:
        expect(chat.entry(title)).to_be_visible()


def test_four_tabs_then_historique(tab: OpenTab, gemini: GeminiServer) -> None:
    chats = [tab(locale="fr-FR") for _ in TOWNS]
    for chat, town in zip(chats, TOWNS, strict=True):
        ask(chat, gemini, f"Où se trouve {town} ?", f"{town} est en Bretagne.", f"Ville de {town}")
    ids = [chat.thread_id() for chat in chats]
    last, before = chats[3], len(gemini.requests)
    last.send(" Historique ")
    assert len(gemini.requests) == before
    shown = last.answers.last
    expect(shown.locator("h2")).to_have_text("📊 Sessions actives (Backend embarqué)")
    expect(shown).to_contain_text("Limite : 3 sessions simultanées")
    expect(shown).to_contain_text("TTL : 60 minutes")
    expect(shown.locator("h3")).to_have_text(["Session 1 ✅ Actuelle", "Session 2", "Session 3"])
    links = shown.locator("h3 a")
    assert [links.nth(n).get_attribute("href") for n in range(3)] == [f"/thread/{id}" for id in ids[:0:-1]]
    items = shown.locator("li").all_inner_texts()
    assert [re.sub(r"\s", " ", item) for item in items[:2]] == [f"ID : {ids[3][:12]}...", "Messages : 2"]
    assert re.fullmatch(r"Expire dans : 5\d min", re.sub(r"\s", " ", items[2]))

    last.open_thread("Ville de Brest")
    assert last.conversation() == ["Où se trouve Brest ?", "Brest est en Bretagne."]
    ask(last, gemini, "Et son port ?", "En rade.")
    told = [part["text"] for turn in gemini.requests[-1].body["contents"] for part in turn["parts"]]
    assert told == ["Où se trouve Brest ?", "Brest est en Bretagne.", "Et son port ?"]


def test_a_link_of_the_list_opens_its_conversation(tab: OpenTab, gemini: GeminiServer) -> None:
    first, second = tab(locale="fr-FR"), tab(locale="fr-FR")
    ask(first, gemini, "Quel est le fleuve de Nantes ?", "La Loire.", "Fleuve de Nantes")
    ask(second, gemini, "Et celui de Rennes ?", "La Vilaine.", "Fleuve de Rennes")
    second.send("mes discussions")
    link = second.answers.last.locator("h3 a").nth(1)
    assert link.get_attribute("href") == f"/thread/{first.thread_id()}"
    link.evaluate("link => link.removeAttribute('target')")  # a tab less to look after
    link.click()
    expect(second.questions.first).to_contain_text("Quel est le fleuve de Nantes ?")


def test_the_menu_opens_with_a_slash_and_a_picked_command_works(tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab(locale="fr-FR")
    ask(chat, gemini, "Qui a peint la Joconde ?", "Léonard.", "La Joconde")
    before = len(gemini.requests)
    chat.input.click()
    chat.page.keyboard.type("/")
    menu = chat.page.locator("[cmdk-item], [role=option]")
    expect(menu).to_have_count(len(COMMANDS))
    expect(menu.filter(has_text="renommer")).to_contain_text(say("command_rename", "fr"))
    chat.page.keyboard.type("renom")
    expect(menu).to_have_count(1)
    chat.page.keyboard.press("Enter")
    chat.page.keyboard.type("Le sourire")
    chat.submit()
    expect(chat.answers.last).to_contain_text("Cette conversation s’appelle maintenant «\xa0Le sourire\xa0».")
    chat.finished()
    expect(chat.entry("Le sourire")).to_be_visible()
    expect(chat.questions.last.locator(".message-content")).to_have_text("/renommer Le sourire")
    assert len(gemini.requests) == before
    chat.reload()
    expect(chat.questions.last.locator(".message-content")).to_have_text("/renommer Le sourire")


def test_a_command_can_be_picked_without_a_word_as_the_first_message(tab: OpenTab) -> None:
    chat = tab(locale="fr-FR")
    chat.input.click()
    chat.page.keyboard.type("/aide")
    chat.page.keyboard.press("Enter")
    chat.page.keyboard.press("Enter")
    expect(chat.answers.last).to_contain_text("Ce que l’on peut taper ici")
    expect(chat.questions.last.locator(".message-content")).to_have_text("/aide")
    expect(chat.entry("/aide")).to_be_visible()


def test_the_new_settings_in_french(tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab(locale="fr-FR")
    panel = chat.open_settings()
    for field in ("memory", "recent", "answer_language", "max_tokens"):
        expect(panel).to_contain_text(say(field, "fr"))
    panel.locator("button#answer_language").click()
    own = "English", "Français", "Deutsch", "Español", "Italiano", "Português", "Nederlands"
    expect(chat.page.get_by_role("option")).to_have_text([say("answer_language_auto", "fr"), *own])
    chat.page.get_by_role("option", name="Deutsch").click()
    panel.locator("#confirm").click()
    expect(panel).to_have_count(0)
    ask(chat, gemini, "Comment dit-on bonjour ?", "Guten Tag.", "Bonjour")
    answered = next(each for each in gemini.requests if "Comment dit-on" in str(each.body["contents"]))
    assert "Answer in this language: Deutsch." in str(answered.body["systemInstruction"])

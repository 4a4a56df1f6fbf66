"""A French browser gets a French page: what is ours, what is Chainlit's, and what only a screen reader says."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from assistant.texts import say
from tests.browser.chat import Chat, pdf
from tests.browser.conftest import OpenTab
from tests.processes import ROOT

pytestmark = pytest.mark.browser

ENGLISH_WORDS = re.compile(
    r"\b(the|your|you|and|of|is|are|with|this|that|file|files|than|larger|must|not|found|error|loading|open|close|"
    r"search|new|chat|settings|untitled|conversation's|delete|rename|remove|sign|log|toggle|view|download|print|larger)\b",
    re.IGNORECASE,
)
ALLOWED = re.compile(r"export GEMINI_API_KEY=.*|Threadkeep")


def test_a_french_browser_sees_no_english(tab: OpenTab) -> None:
    chat = tab(locale="fr-FR")
    page = chat.page
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(chat.input).to_have_attribute("placeholder", re.compile("Écrivez un message"))
    expect_french(chat)

    question = "Pourquoi la marée monte-t-elle"
    answer = chat.send(question, ("marée.pdf", "application/pdf", pdf("Lune")))
    assert answer.startswith("Réponse sans modèle")
    assert "votre-clé" in answer
    expect(chat.entry(question)).to_be_visible()
    page.locator(".inline-pdf").click()
    expect_french_dialog(chat)
    expect_french(chat)

    page.locator("#chat-settings-open-modal").click()
    panel = page.locator("#chat-settings")
    for label in ("model", "temperature", "system_prompt"):
        expect(panel.locator("label", has_text=say(label, "fr"))).to_be_visible()
    expect_french(chat)
    panel.locator("button#model").click()
    expect(page.get_by_role("option", name=say("model_offline", "fr"))).to_be_visible()
    expect_french(chat)
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)

    for item in ("rename-thread", "delete-thread"):
        chat.menu(question, item)
        expect_french_dialog(chat)
    page.locator("#search-chats-button").click()
    expect_french_dialog(chat)
    page.locator("#readme-button").click()
    expect_french_dialog(chat)
    chat.answers.locator(".positive-feedback-off").click()
    expect_french_dialog(chat)
    for opener in ("#user-nav-button", "#theme-toggle"):
        page.locator(opener).click()
        expect(page.get_by_role("menuitem").first).to_be_visible()
        expect_french(chat)
        page.keyboard.press("Escape")
        expect(page.get_by_role("menuitem")).to_have_count(0)
    for button in ("#upload-button", "#chat-settings-open-modal", "#new-chat-button", "#search-chats-button"):
        page.locator(button).hover()
        expect(page.get_by_role("tooltip")).to_be_visible()
        expect_french(chat)


def test_a_canadian_is_answered_in_french_and_so_is_an_address_of_no_conversation(tab: OpenTab) -> None:
    chat = tab(locale="fr-CA")
    assert chat.send("Comment tailler un érable").startswith("Réponse sans modèle")
    expect_french(chat)
    chat.page.goto(f"{chat.app.url}/thread/00000000-0000-4000-8000-000000000000")
    expect(chat.toasts).to_have_text("Cette conversation n’existe pas, ou n’existe plus.")
    expect_french(chat)


def test_what_people_wrote_is_never_translated(tab: OpenTab) -> None:
    chat = tab(locale="fr-FR")
    chat.send("Close")
    expect(chat.questions.locator(".message-content")).to_have_text("Close")
    expect(chat.entry("Close")).to_be_visible()


def expect_french_dialog(chat: Chat) -> None:
    dialog = chat.page.locator("[role=dialog], [role=alertdialog]")
    expect(dialog).to_be_visible()
    expect_french(chat)
    chat.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def expect_french(chat: Chat) -> None:
    """No text, no label and no placeholder is what the English page has there, or holds an English word.
    Titles of conversations and names of files are in whatever language they were written."""
    shown = chat.page.evaluate(
        """() => {
            const found = [];
            const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walk.nextNode()) {
                const parent = walk.currentNode.parentElement;
                const ours = !parent.closest('script, style, li[id^="thread-"], [cmdk-item]');
                if (ours && parent.checkVisibility()) found.push(walk.currentNode.data.trim());
            }
            for (const name of ['placeholder', 'title', 'aria-label'])
                for (const field of document.querySelectorAll(`[${name}]`)) found.push(field.getAttribute(name));
            return found.filter(text => text);
        }"""
    )
    english = set(texts("en-US")) - set(texts("fr-FR"))
    wrong = [text for text in shown if not ALLOWED.fullmatch(text) and (text in english or ENGLISH_WORDS.search(text))]
    assert not wrong, f"not French: {wrong}"


def texts(language: str) -> list[str]:
    def leaves(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        else:
            for inner in value.values():
                yield from leaves(inner)

    return list(leaves(json.loads((ROOT / f".chainlit/translations/{language}.json").read_text(encoding="utf-8"))))

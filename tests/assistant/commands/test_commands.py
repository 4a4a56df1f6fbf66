"""Which command a message means, and that each has all that belongs to it in both languages."""

import re
import unicodedata

import pytest

from assistant.commands import replies
from assistant.commands.names import COMMANDS, is_title, recognise, title
from assistant.screen.commands import menu
from assistant.texts import Language, say


def key(text: str, picked: str | None = None) -> str | None:
    typed = recognise(text, picked)
    return typed.command.key if typed and typed.command else None


@pytest.mark.parametrize(
    "text",
    [
        *("historique", "Historique", "HISTORIQUE", "  historique\n", "mes discussions", "Mes  \t Discussions "),
        *("sessions", "history", "My Chats", "ＳＥＳＳＩＯＮＳ"),
    ],
)
def test_plain_words_mean_the_sessions_in_any_case_and_with_spaces(text: str) -> None:
    assert key(text) == "sessions"


@pytest.mark.parametrize(
    "text",
    ["", " ", "mon historique", "sessions?", "historiques", "mes", "help", "info", "threads", "sessions sessions"],
)
def test_other_words_are_a_question(text: str) -> None:
    assert recognise(text) is None


@pytest.mark.parametrize(
    ("text", "means"),
    [
        *((f"/{name}", command.key) for command in COMMANDS for name in command.names),
        ("/HELP", "help"),
        ("  /Aide \n", "help"),
        ("/RÉSUMÉ", "summary"),
        ("/résume", "summary"),
        ("/resume", "summary"),
        (f"/{unicodedata.normalize('NFD', 'résumé')}", "summary"),
        ("/historique", "sessions"),
        ("/history", "sessions"),
    ],
)
def test_a_slash_and_a_name_in_either_language_whatever_case_and_accents(text: str, means: str) -> None:
    assert key(text) == means


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/search the  owl", "the  owl"),
        ("/chercher\nl’été ", "l’été"),
        ("/search /etc/hosts", "/etc/hosts"),
        ("/rename A\nB", "A\nB"),
        ("/search", ""),
        ("/search   ", ""),
    ],
)
def test_what_follows_the_name_belongs_to_it(text: str, words: str) -> None:
    typed = recognise(text)
    assert typed is not None
    assert typed.words == words


@pytest.mark.parametrize(
    "text",
    [
        *("/etc/hosts", "/etc/hosts: what is it?", "/usr/bin /help", "./help", "/help/me", "http://localhost/help"),
        *("/", "/ help", "//help", "\\help", "a /help", "/help.", "/help?", "/1", "/2nd try", "/*comment*/", "/_x"),
    ],
)
def test_a_path_or_a_slash_within_is_a_question(text: str) -> None:
    assert recognise(text) is None


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("/serch owls", "search"),
        ("/hlep", "help"),
        ("/consomation", "usage"),
        ("/resumé", None),
        ("/sesions", "sessions"),
        ("/reanme", "rename"),
        ("/oublie", "clear"),
        ("/thread", "threads"),
        ("/discusion", "threads"),
        ("/s", "sessions"),
        ("/se", "sessions"),
        ("/sea", "search"),
        ("/inf", "info"),
        ("/ou", "clear"),
        ("/RES", "summary"),
    ],
)
def test_an_unknown_name_has_a_nearest_one(text: str, nearest: str | None) -> None:
    typed = recognise(text)
    assert typed is not None
    assert typed.nearest is not None
    assert (typed.command is None) == (nearest is not None)
    assert nearest in (None, typed.nearest.key)


@pytest.mark.parametrize("text", ["/imagine an owl", "/字", "/x", "/quit", "/image", "/settings"])
def test_a_name_that_is_like_none_has_no_nearest_one(text: str) -> None:
    typed = recognise(text)
    assert typed is not None
    assert (typed.command, typed.nearest) == (None, None)


class TestPicked:
    @pytest.mark.parametrize("to", ["en", "fr"])
    def test_all_that_the_menu_offers_is_known(self, to: Language) -> None:
        assert [key("", each["id"]) for each in menu(to)] == [command.key for command in COMMANDS]

    @pytest.mark.parametrize("text", ["sessions", " the owl ", "/etc/hosts", "historique"])
    def test_the_text_beside_it_is_what_it_is_about(self, text: str) -> None:
        typed = recognise(text, "search")
        assert typed is not None
        assert (typed.command and typed.command.key, typed.words) == ("search", text.strip())

    def test_a_name_that_is_none_is_told_so(self) -> None:
        typed = recognise("words", "serch")
        assert typed is not None
        assert typed.nearest is not None
        assert (typed.name, typed.command, typed.nearest.key) == ("serch", None, "search")


@pytest.mark.parametrize("to", ["en", "fr"])
def test_every_command_has_a_name_a_description_an_icon_and_a_reply(to: Language) -> None:
    assert set(replies._REPLIES) == {command.key for command in COMMANDS}
    for command, entry in zip(COMMANDS, menu(to), strict=True):
        assert entry["id"] == command.name(to)
        assert entry["description"] == say(f"command_{command.key}", to)
        assert re.fullmatch(r"[a-z0-9-]+", entry["icon"])


def test_the_descriptions_differ_and_no_name_means_two_commands() -> None:
    texts = [each["description"] for to in ("en", "fr") for each in menu(to)]  # type: ignore[arg-type]
    assert len(set(texts)) == 2 * len(COMMANDS)
    assert all(key(f"/{name}") == command.key for command in COMMANDS for name in command.names)


def test_a_word_longer_than_any_name_is_a_question() -> None:
    assert recognise("/" + "a" * 1_000_000) is None
    assert recognise("\u0301\u0327" * 100_000) is None  # is not put in order: that takes the square of its length
    typed = recognise("", picked="a" * 1_000_000)
    assert typed is not None
    assert len(typed.name) == 40


@pytest.mark.parametrize("text", ["/search the owl", "/FICHIERS ajouter bail", "sessions", "/nothing here"])
def test_a_conversation_that_begins_with_a_command_is_called_after_it_without_what_was_looked_for(text: str) -> None:
    typed = recognise(text)
    assert typed is not None
    assert title(typed) == "/" + text.removeprefix("/").split()[0]
    assert is_title(title(typed))


@pytest.mark.parametrize("name", ["Owls", "/search the owl", "/etc/hosts", "", "/", "search"])
def test_other_names_are_those_of_a_conversation(name: str) -> None:
    assert not is_title(name)

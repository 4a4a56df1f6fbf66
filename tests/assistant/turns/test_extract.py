"""A summary without a model: in bounds for any text, in the order of the conversation, with what tells most."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.memory import HotMessage
from assistant.models.tokens import estimate
from assistant.turns.extract import extract, localised, shorten
from datalayer.text import one_line

Role = Literal["user", "assistant"]
ROLES: st.SearchStrategy[Role] = st.sampled_from(("user", "assistant"))
TEXTS = st.one_of(
    st.text(max_size=400),
    st.text(st.sampled_from("abé。中文！ .\n?"), max_size=400),
    st.sampled_from(["x" * 5_000, "中" * 3_000, "def f(x):\n    return x\n" * 40, "a. b. c. " * 200, "🌱 " * 300]),
)
TALKS = st.lists(st.tuples(ROLES, TEXTS), max_size=12)


def said(role: Role, text: str) -> HotMessage:
    return HotMessage("m", role, text, 1, estimate(text))


def lines(*texts: str, at_most: int = 1_000) -> list[str]:
    """An extract of what the user and the assistant say in turn."""
    talk = [said("assistant" if place % 2 else "user", text) for place, text in enumerate(texts)]
    return extract(talk, at_most).splitlines()


class TestBounds:
    @given(TALKS, st.integers(-5, 600))
    def test_any_text_stays_within_the_bound_and_in_its_order(self, talk: list[tuple[Role, str]], bound: int) -> None:
        made = extract([said(*each) for each in talk], bound)
        assert estimate(made) <= max(bound, 0)
        assert made == extract([said(*each) for each in talk], bound)
        if bound > 310:  # below, the best sentence may have been cut to fit
            of_all = extract([said(*each) for each in talk], 10**6).splitlines()
            assert [line for line in of_all if line in made.splitlines()] == made.splitlines()

    @given(TEXTS.filter(str.strip), st.integers(20, 600))
    def test_something_is_said_of_any_text(self, text: str, bound: int) -> None:
        message = said("user", text)
        assert bool(extract([message], bound)) == bool(one_line(message.text))

    @given(st.one_of(TEXTS, TALKS.map(lambda talk: extract([said(*each) for each in talk], 400))), st.integers(0, 300))
    def test_what_is_shortened_stays_within_the_bound_and_stays_as_it_is_where_it_fits(
        self, text: str, bound: int
    ) -> None:
        made = shorten(text, bound)
        assert estimate(made) <= bound
        assert made == text or estimate(text) > bound

    def test_of_nothing_there_is_nothing(self) -> None:
        assert extract([], 100) == extract([said("user", "")], 100) == extract([said("user", " \n")], 100) == ""

    @pytest.mark.parametrize("text", ["x" * 10_000, "中" * 10_000, "word " * 2_000, "key = value; " * 900])
    def test_an_endless_line_is_cut(self, text: str) -> None:
        [line] = lines(text)
        assert line.endswith("…")
        assert len(line) < 320


class TestChoice:
    def test_the_most_telling_sentences_win(self) -> None:
        talk = (
            "Hello there! The bridge over the river needs a new deck. It is raining.",
            "Good. A steel deck for the bridge costs 40,000 euros. See you.",
            "Thanks a lot. So the bridge gets the steel deck.",
        )
        assert lines(*talk, at_most=45) == [
            "- user: The bridge over the river needs a new deck.",
            "- assistant: A steel deck for the bridge costs 40,000 euros.",
            "- user: So the bridge gets the steel deck.",
        ]

    def test_in_french_accents_and_small_words_do_not_count(self) -> None:
        talk = (
            "Bonjour, comment allez-vous ? L'été, la maison de Léa est fermée. "
            "Il pleut encore sur toute la ville et sur la mer.",
            "La maison de LEA rouvre en septembre, après l'ete. Merci à vous.",
        )
        assert lines(*talk, at_most=34) == [
            "- user: L'été, la maison de Léa est fermée.",
            "- assistant: La maison de LEA rouvre en septembre, après l'ete.",
        ]

    def test_chinese_sentences_are_told_apart_without_spaces(self) -> None:
        talk = ("你好。长城有多长？", "长城长两万公里。不客气。")
        assert lines(*talk, at_most=24) == ["- user: 长城有多长？", "- assistant: 长城长两万公里。"]

    def test_what_is_said_again_and_again_is_told_once(self) -> None:
        assert lines(*["Check the boiler.", "The boiler is on."] * 50) == [
            "- user: Check the boiler.",
            "- assistant: The boiler is on.",
        ]

    def test_small_talk_is_told_only_where_there_is_nothing_else(self) -> None:
        assert lines("Hi", "Yo") == ["- user: Hi", "- assistant: Yo"]
        assert lines("Hi", "Paris is large") == ["- assistant: Paris is large"]

    def test_a_part_of_an_extract_keeps_who_said_what(self) -> None:
        made = extract([said("user", f"The harbour has {n} cranes.") for n in range(40)], 300)
        assert set(shorten(made, 100).splitlines()) < set(made.splitlines())


class TestShown:
    def test_it_is_markdown_that_shows_what_was_said_and_nothing_else(self) -> None:
        made = extract([said("user", "Why is *a* <b>: larger?"), said("assistant", "Because # of c.")], 100)
        assert localised(made, "Vous") == (
            "- **Vous** · Why is \\*a\\* \\<b\\>: larger?\n- **Assistant** · Because \\# of c."
        )

    def test_what_a_model_wrote_before_stays(self) -> None:
        assert localised("Ann: **wants** a house.\n- user: Blue: yes", "You") == (
            "Ann: **wants** a house.\n- **You** · Blue: yes"
        )

"""A turn always answers: by the chosen model, by one that stands in for it, or by the formatter."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from assistant.models import (
    Attachment,
    Blocked,
    ChatMessage,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelUnavailable,
    NotPaid,
    Providers,
    QuotaExhausted,
    Usage,
)
from assistant.models.calls import Meter
from assistant.models.patience import Patience
from assistant.settings import Settings
from assistant.texts import Language
from assistant.turns.remembered import Found
from assistant.turns.turn import Outcome, Turn, run
from datalayer.search.results import Hit
from datalayer.search.snippets import Snippet
from tests.assistant.models.scripted import Scripted

FLASH, LITE = "gemini-2.5-flash", "gemini-2.5-flash-lite"
QUESTION = ChatMessage("user", "Who was Ada Lovelace?")
REMEMBERED = Found((Hit("t1", "Poets", "s1", 1, Snippet("Ada was a countess", ((0, 3),))),))


def turn(*earlier: ChatMessage, to: Language = "en", insist: bool = False, **settings: Any) -> Turn:
    async def search(question: str) -> Found:
        assert question == QUESTION.text
        return REMEMBERED

    return Turn([*earlier, QUESTION], Settings(**settings), to, search, "", insist)


def providers(*models: Scripted, fallbacks: tuple[str, ...] = ()) -> Providers:
    return Providers(models, fallbacks=fallbacks, patience=Patience(30, 30, 2, 0))


async def nothing(_question: str) -> Found:
    return Found()


class Counting(Scripted):
    """Counts tokens, or fails to: ``said`` is raised, or waited for."""

    def __init__(self, said: ModelError | asyncio.Event) -> None:
        super().__init__()
        self.said, self.counted = said, 0

    async def count_tokens(self, request: ChatRequest) -> int | None:
        self.counted += 1
        if isinstance(self.said, ModelError):
            raise self.said
        await self.said.wait()
        return None


async def answer(this: Turn, by: Providers) -> Outcome:
    outcome = Outcome(Meter(this.settings.model, ""))
    shown = [piece async for piece in run(this, by, outcome)]
    assert "".join(shown) == outcome.text
    return outcome


class TestModel:
    async def test_it_is_asked_with_the_thread_and_its_settings(self) -> None:
        model = Scripted()
        model.script("A ", "mathematician.", Usage(7, 3, 1))
        history = [ChatMessage("user", "Hello"), ChatMessage("assistant", "Hi")]
        outcome = await answer(turn(*history, system_prompt="Be brief.", temperature=0.2), providers(model))
        assert outcome.text == "A mathematician."
        assert outcome.fallback is None
        [request] = model.requests
        assert request.messages == [*history, QUESTION]
        assert (request.model, request.temperature, request.system_prompt) == (FLASH, 0.2, "Be brief.")

    async def test_what_it_used_is_metered(self) -> None:
        model = Scripted()
        model.script(Usage(7, 0), "Yes", Usage(7, 3, 1))
        meter = (await answer(turn(), providers(model))).meter
        assert (meter.model, meter.provider, meter.usage, meter.estimated) == (FLASH, "gemini", Usage(7, 3, 1), False)
        assert meter.first_token is not None
        assert 0 <= meter.first_token <= meter.elapsed

    async def test_a_provider_that_does_not_tell_is_estimated(self) -> None:
        model = Scripted()
        model.script("word " * 40)
        meter = (await answer(turn(), providers(model))).meter
        assert meter.estimated
        assert meter.usage is not None
        assert meter.usage.tokens_in > 4
        assert meter.usage.tokens_out == 50

    async def test_a_turn_that_is_stopped_keeps_what_was_shown_and_used(self) -> None:
        model = Scripted()
        model.script("Hel", asyncio.Event())
        outcome = Outcome(Meter(FLASH, ""))
        async with aclosing(run(turn(), providers(model), outcome)) as pieces:
            assert await anext(pieces) == "Hel"
        assert outcome.text == "Hel"
        assert outcome.meter.estimated
        assert model.left == 1

    async def test_a_model_gets_only_files_that_it_reads(self) -> None:
        image = Attachment("a.png", "image/png", b"x")
        question = ChatMessage("user", QUESTION.text, (image,))
        for provider, files in (("gemini", (image,)), ("openai", ())):
            model = Scripted(provider)
            model.script("Yes")
            this = turn(model=FLASH if files else "local")
            await answer(Turn([question], this.settings, "en", this.search), providers(model))
            assert model.requests[0].messages[0].files == files


class TestFormatter:
    @pytest.mark.parametrize(
        ("error", "says"),
        [
            (QuotaExhausted("429", 37), "the quota of Gemini 2.5 Flash is used up. It should be back "),
            (QuotaExhausted("429", 40, "minute"), "as many requests this minute as its quota allows"),
            (QuotaExhausted("429", 7200, "day"), "today's quota of Gemini 2.5 Flash is used up. It should be back "),
            (ModelUnavailable("503"), "Gemini 2.5 Flash is not answering right now"),
            (ModelUnavailable("", "silent"), "did not answer in time"),
            (ModelUnavailable("", "empty"), "sent an empty answer"),
            (InvalidRequest("401", "key"), "the key for Gemini 2.5 Flash is not accepted"),
            (InvalidRequest("404", "unknown_model"), "knows no model named Gemini 2.5 Flash"),
            (InvalidRequest("400", "too_long"), "larger than what Gemini 2.5 Flash can read"),
            (InvalidRequest("400"), "refused the request"),
            (Blocked("SAFETY"), "the safety filter of Gemini 2.5 Flash stepped in"),
            (NotPaid("402"), "the account that pays for Gemini 2.5 Flash is empty"),
            (NotPaid("429", "no_quota"), "includes no calls of Gemini 2.5 Flash"),
            (InvalidRequest("length", "spent"), "of the setting “Longest answer” in thinking"),
            (InvalidRequest("404", "address"), "its base URL; most end in `/v1`"),
        ],
        ids=lambda value: value.reason if isinstance(value, ModelError) else "",
    )
    async def test_it_answers_at_once_with_the_reason_and_the_history(self, error: ModelError, says: str) -> None:
        model = Scripted()
        model.script(error)
        model.script(error)
        outcome = await answer(turn(), providers(model))
        assert outcome.fallback == error.reason
        assert outcome.text.startswith("**Answered without a model:** ")
        assert says in outcome.text
        assert "[Poets](/thread/t1?step=s1)" in outcome.text

    async def test_in_french(self) -> None:
        model = Scripted()
        model.script(QuotaExhausted("429", 37))
        text = (await answer(turn(to="fr"), providers(model))).text
        assert "le quota de Gemini 2.5 Flash est épuisé. Il devrait être de retour " in text
        assert "Vos conversations précédentes en parlent" in text

    async def test_without_a_key_and_in_a_thread_that_is_offline(self) -> None:
        assert (await answer(turn(), providers())).fallback == "no_key"
        for_a_team = await answer(turn(to="fr"), Providers(team=True))
        assert "La personne qui gère cette application peut en ajouter une." in for_a_team.text
        assert "export" not in for_a_team.text
        model = Scripted()
        assert (await answer(turn(model="offline"), providers(model))).fallback == "offline"
        assert not model.requests

    async def test_a_quota_that_ends_in_mid_answer_keeps_its_beginning(self) -> None:
        model = Scripted()
        model.script("Ada was", QuotaExhausted("429", 5))
        outcome = await answer(turn(), providers(model))
        assert outcome.text.startswith("Ada was\n\n**The answer broke off here:** the quota of")
        assert "[Poets]" in outcome.text
        assert outcome.fallback == "quota"

    async def test_an_answer_that_breaks_off_says_why_and_no_more(self) -> None:
        model = Scripted()
        model.script("Ada was", ModelUnavailable("cut"))
        outcome = await answer(turn(), providers(model))
        assert outcome.text.startswith("Ada was\n\n**The answer broke off here:** Gemini 2.5 Flash is not answering")
        assert outcome.text.count("\n") == 2

    async def test_a_message_larger_than_the_window_is_not_sent(self) -> None:
        model = Scripted("openai")
        this = turn(model="local")
        large = Turn([ChatMessage("user", "x" * 40_000)], this.settings, "en", lambda _: this.search(QUESTION.text))
        assert (await answer(large, providers(model))).fallback == "too_long"
        assert not model.requests

    async def test_a_model_that_nobody_could_have(self) -> None:
        outcome = await answer(turn(model="llama3:8b"), providers(Scripted("gemini")))
        assert outcome.fallback == "unknown_model"

    async def test_an_error_that_nobody_foresaw_is_not_quoted(self, caplog: pytest.LogCaptureFixture) -> None:
        model = Scripted()
        model.script(RuntimeError("a word of the conversation"))
        assert (await answer(turn(), providers(model))).fallback == "unavailable"
        assert "RuntimeError" in caplog.text
        assert "a word of" not in caplog.text

    async def test_a_provider_that_never_counts(self) -> None:
        model = Counting(asyncio.Event())
        this = replace(turn(), messages=[ChatMessage("user", "word " * 2_000_000)])
        this = replace(this, search=nothing)
        outcome = await answer(this, Providers([model], patience=Patience(0.01, 30, 1, 0)))
        assert outcome.fallback == "silent"
        assert model.requests == []


class TestQuota:
    async def test_counting_is_a_call_too(self) -> None:
        model = Counting(QuotaExhausted("429", 300))
        this = replace(turn(), messages=[ChatMessage("user", "word " * 2_000_000)], search=nothing)
        by = providers(model)
        for _ in range(3):
            outcome = await answer(this, by)
            assert (outcome.fallback, outcome.back_in) == ("quota", pytest.approx(300, abs=60))
        assert model.counted == 1

    async def test_who_stands_in_is_not_billed_for_who_failed(self) -> None:
        flash, local = Scripted("gemini"), Scripted("openai", "local")
        flash.script(Usage(50_000, 7_000), QuotaExhausted("429", 300))
        local.script("Yes")
        meter = (await answer(turn(), providers(flash, local, fallbacks=("local",)))).meter
        assert (meter.model, meter.estimated) == ("local", True)
        assert meter.usage is not None
        assert meter.usage.tokens_in < 100

    async def test_no_call_is_made_until_it_is_back(self) -> None:
        model = Scripted()
        model.script(QuotaExhausted("429", 1000))
        by = providers(model)
        for _ in range(3):
            assert (await answer(turn(), by)).fallback == "quota"
        assert len(model.requests) == 1

    async def test_a_model_that_stands_in_answers_first(self) -> None:
        model = Scripted()
        model.script(QuotaExhausted("429", 1000))
        model.script("Lite ", "answer")
        model.script("again")
        by = providers(model, fallbacks=(FLASH, LITE))
        outcome = await answer(turn(), by)
        assert (outcome.text, outcome.fallback, outcome.meter.model) == ("Lite answer", None, LITE)
        assert outcome.instead == "quota"
        assert (await answer(turn(), by)).text == "again"
        assert [request.model for request in model.requests] == [FLASH, LITE, LITE]

    async def test_when_nobody_can_the_reason_is_that_of_the_chosen_model(self) -> None:
        model = Scripted()
        model.script(QuotaExhausted("429", 1000, "day"))
        model.script(ModelUnavailable("", "silent"))
        outcome = await answer(turn(), providers(model, fallbacks=(LITE,)))
        assert outcome.fallback == "quota_day"
        assert "Gemini 2.5 Flash is used up" in outcome.text

    async def test_another_provider_can_stand_in(self) -> None:
        google, local = Scripted("gemini"), Scripted("openai")
        google.script(QuotaExhausted("429", 1000))
        local.script("From here")
        outcome = await answer(turn(), providers(google, local, fallbacks=("llama",)))
        assert (outcome.text, outcome.meter.provider, outcome.meter.model) == ("From here", "openai", "llama")

    async def test_an_answer_that_has_begun_is_not_begun_again_by_another_model(self) -> None:
        model = Scripted()
        model.script("Ada was", QuotaExhausted("429", 5))
        await answer(turn(), providers(model, fallbacks=(LITE,)))
        assert len(model.requests) == 1

    async def test_a_person_who_insists_reaches_the_model(self) -> None:
        model = Scripted()
        model.script(QuotaExhausted("429", 1000))
        model.script("Here I am")
        by = providers(model)
        await answer(turn(), by)
        by.breaker._pauses["gemini", FLASH].asked -= 1  # a second ago
        assert (await answer(turn(insist=True), by)).text == "Here I am"
        model.script("Still here")
        assert (await answer(turn(), by)).text == "Still here"

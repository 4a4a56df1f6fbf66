"""The running summary: when it is due, who writes it, and that what is stored was made of what it covers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.memory import HotMessage, HotSession
from assistant.models import ChatRequest, InvalidRequest, ModelUnavailable, Providers, QuotaExhausted, Usage
from assistant.models.calls import Meter
from assistant.models.patience import Patience
from assistant.models.tokens import MESSAGE, estimate
from assistant.turns.history import rebuild
from assistant.turns.summaries import Source, Written, outgrown, read, store, summarise
from datalayer import DataLayer
from datalayer.reports import Summary, digest
from tests.assistant.models.scripted import Scripted
from tests.conftest import make_step, register

FLASH, LITE = "gemini-2.5-flash", "gemini-2.5-flash-lite"
ROOM = 6_144
"""Of an unknown model, whose window is 8,192 tokens."""


def talk(*texts: str) -> tuple[HotMessage, ...]:
    """Question, answer, question …"""
    roles: Any = ("user", "assistant")
    return tuple(HotMessage(f"m{n}", roles[n % 2], text, n, estimate(text)) for n, text in enumerate(texts))


def of_sizes(sizes: Sequence[int], summary: str | None = None) -> HotSession:
    return HotSession(talk(*("x" * 4 * size for size in sizes)), summary)


def tokens(session: HotSession, start: int = 0) -> int:
    return sum(MESSAGE + message.tokens for message in session.messages[start:])


SIZES = st.lists(st.integers(0, 300), max_size=40)


class TestDue:
    @given(SIZES, st.integers(0, 8_000), st.floats(0.05, 1))
    def test_below_the_threshold_nothing_is(self, sizes: list[int], room: int, threshold: float) -> None:
        session = of_sizes(sizes)
        if tokens(session) <= threshold * room:
            assert outgrown(session, room, threshold) == 0

    @given(SIZES, st.integers(1, 4_000), st.floats(0.05, 1), st.integers(0, 200))
    def test_what_is_kept_is_half_of_it_or_the_newest_question_with_its_answer(
        self, sizes: list[int], room: int, threshold: float, summed: int
    ) -> None:
        session = of_sizes(sizes, "x" * 4 * summed)
        if not (count := outgrown(session, room, threshold)):
            return
        kept = session.messages[count:]
        assert kept[0].role == "user"
        assert tokens(session, count) <= threshold * (room - summed) / 2 or len(kept) <= 2
        more = max(count - 2, 0)
        assert more == 0 or tokens(session, more) > threshold * (room - summed) / 2

    @given(SIZES, st.integers(0, 300), st.integers(0, 300), st.integers(1, 4_000))
    def test_it_grows_with_the_conversation(self, sizes: list[int], question: int, answer: int, room: int) -> None:
        sizes = sizes[: len(sizes) // 2 * 2]
        assert outgrown(of_sizes(sizes), room, 0.8) <= outgrown(of_sizes([*sizes, question, answer]), room, 0.8)

    @given(st.lists(st.integers(0, 80), min_size=80, max_size=80), st.floats(0.1, 1))
    def test_once_summed_up_it_is_not_due_at_the_next_turn(self, sizes: list[int], threshold: float) -> None:
        session = of_sizes(sizes)
        if count := outgrown(session, ROOM, threshold):
            left = HotSession(session.messages[count:], "x" * 4 * 500)
            assert outgrown(left, ROOM, threshold) == 0

    def test_many_short_messages_count_as_they_do_in_a_request(self) -> None:
        assert outgrown(of_sizes([0] * 200), 900, 0.8) > 0

    def test_a_room_that_the_system_prompt_fills_leaves_nothing_to_sum_up_for(self) -> None:
        assert outgrown(of_sizes([100] * 20), 0, 0.8) == outgrown(of_sizes([100] * 20), -300, 0.8) == 0


def providers(*models: Scripted, fallbacks: tuple[str, ...] = (), window: int | None = None) -> Providers:
    return Providers(models, fallbacks=fallbacks, patience=Patience(30, 30, 2, 0), window=window)


async def written(
    model: Scripted, *texts: str, before: str | None = None, name: str = "local", room: int = ROOM, **options: Any
) -> tuple[Written, Meter]:
    meter = Meter(name, "")
    return await summarise(before, talk(*texts), name, room, providers(model, **options), meter), meter


def size(request: ChatRequest) -> int:
    return estimate(request.system_prompt) + sum(estimate(message.text) + MESSAGE for message in request.messages)


class TestWritten:
    async def test_the_model_gets_the_conversation_and_the_summary_before_it(self) -> None:
        model = Scripted("openai")
        model.script(" Ann wants ", "a blue house.\n", Usage(70, 9))
        made, meter = await written(model, "A house, please", "Which colour?", "Blue", before="She is called Ann.")
        assert made == Written("Ann wants a blue house.", "local")
        assert meter.usage == Usage(70, 9)
        [request] = model.requests
        assert [message.text for message in request.messages] == [
            "Summary of what came before:\nShe is called Ann.\n\n"
            "user: A house, please\n\nassistant: Which colour?\n\nuser: Blue"
        ]
        assert "in the language of the conversation" in request.system_prompt
        assert not request.thinking
        assert request.max_tokens == 2 * 1_500

    @pytest.mark.parametrize("text", ["The bridge is closed. " * 40, "ok", "桥已经关闭了。" * 60, "x" * 900])
    async def test_too_much_is_condensed_first_so_that_the_request_fits(self, text: str) -> None:
        model = Scripted("openai")
        model.script("Short.")
        await written(model, *[text] * 2_000, before="Long ago. " * 2_000, room=750, window=1_000)
        assert size(model.requests[0]) <= 750
        assert f"user: {text[:5]}" in model.requests[0].messages[0].text

    async def test_a_summary_without_end_is_shortened(self) -> None:
        model = Scripted("openai")
        model.script("The bridge is closed on day 7. " * 999 + "The boat sails.")
        made, _ = await written(model, "Tell me")
        assert made.model
        assert estimate(made.text) <= 1_500

    @pytest.mark.parametrize("error", [InvalidRequest("400", "too_long"), ModelUnavailable("", "empty"), None])
    async def test_without_a_word_of_the_model_it_is_extracted(self, error: InvalidRequest | None) -> None:
        model = Scripted("openai")
        model.script(*((error,) if error else (Usage(7, 0),)))
        made, meter = await written(model, "The bridge is closed", "Take the ferry then")
        assert made == Written("- user: The bridge is closed\n- assistant: Take the ferry then", None)
        assert meter.provider == "openai"

    async def test_one_that_breaks_off_is_not_taken_for_a_whole_one(self) -> None:
        model = Scripted("openai")
        model.script("The bri", ModelUnavailable("cut"))
        assert (await written(model, "The bridge is closed"))[0].model is None

    async def test_without_any_model_it_is_extracted(self) -> None:
        made = await summarise(None, talk("The bridge is closed"), FLASH, ROOM, providers(), Meter(FLASH, ""))
        assert made == Written("- user: The bridge is closed", None)

    async def test_a_stand_in_writes_it_when_the_quota_is_used_up(self) -> None:
        model = Scripted("gemini")
        model.script(QuotaExhausted("429", 300))
        model.script("Short.")
        made, meter = await written(model, "Tell me", name=FLASH, fallbacks=(LITE,))
        assert made == Written("Short.", LITE)
        assert meter.model == LITE

    async def test_a_stand_in_with_a_smaller_window_gets_what_it_can_read(self) -> None:
        google, local = Scripted("gemini"), Scripted("openai")
        google.script(QuotaExhausted("429", 300))
        local.script("Short.")
        by = providers(google, local, fallbacks=("llama",))
        await summarise(
            "Old. " * 900, talk(*["The bridge is closed. " * 60] * 100), FLASH, 200_000, by, Meter(FLASH, "")
        )
        assert size(local.requests[0]) <= ROOM

    @pytest.mark.parametrize(
        "before",
        [
            "- user: The bridge is closed\n- assistant: Take the ferry then",
            "The user cannot take the bridge. " * 400,
            "无" * 5_000,
        ],
    )
    async def test_an_extract_keeps_of_what_came_before_what_it_can(self, before: str) -> None:
        room = 4_000
        made = await summarise(before, talk("The ferry is late. " * 99), FLASH, room, providers(), Meter(FLASH, ""))
        assert estimate(made.text) <= room // 4
        assert made.text.startswith(before[:30])
        assert made.text.endswith("- user: The ferry is late.")


class Talk:
    """A conversation of ten messages in the database."""

    def __init__(self, layer: DataLayer) -> None:
        self.layer = layer

    async def fill(self, count: int = 10) -> None:
        user = await register(self.layer, "ann")
        await self.layer.update_thread("t", user_id=user.id)
        steps = [self.step(n) for n in range(count)]
        await asyncio.gather(*map(self.layer.create_step, steps))

    def step(self, n: int, **over: Any) -> Any:
        kind = "assistant_message" if n % 2 else "user_message"
        created = f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z"
        return make_step("t", id=f"s{n}", type=kind, output=f"Message {n}", createdAt=created, **over)

    async def source(self) -> Source:
        return await read(self.layer, "t")

    async def sum_up(self, until: int, text: str) -> Summary | None:
        """As a background task does when nobody comes between."""
        await store(self.layer, "ann", await self.source(), f"s{until}", Written(text, FLASH))
        return await self.summary()

    async def summary(self) -> Summary | None:
        return await self.layer.store.summary("t")

    async def known(self) -> tuple[str | None, list[str]]:
        """What the next turn is told."""
        session = await rebuild(self.layer, "t")
        return session.summary, [message.text for message in session.messages]


@pytest.fixture
async def talked(layer: DataLayer) -> Talk:
    made = Talk(layer)
    await made.fill()
    return made


def numbered(*numbers: int) -> list[str]:
    return [f"Message {n}" for n in numbers]


class TestStored:
    async def test_with_what_it_covers(self, talked: Talk) -> None:
        found = await talked.sum_up(5, "Six messages.")
        rows = await talked.layer.store.thread_messages("t")
        assert found is not None
        assert (found.from_step, found.until_step, found.messages) == ("s0", "s5", 6)
        assert (found.source, found.model, found.tokens) == ("model", FLASH, estimate("Six messages."))
        assert found.digest == digest(rows[:6])
        assert len(rows) == 10
        assert await talked.known() == ("Six messages.", numbered(6, 7, 8, 9))

    async def test_a_continued_one_covers_both(self, talked: Talk) -> None:
        await talked.sum_up(3, "Four.")
        source = await talked.source()
        assert (source.session.summary, source.session.messages[0].text) == ("Four.", "Message 4")
        found = await talked.sum_up(7, "Eight.")
        assert found is not None
        assert (found.from_step, found.until_step, found.messages) == ("s0", "s7", 8)
        assert await talked.known() == ("Eight.", numbered(8, 9))

    async def test_an_extract_says_that_nobody_wrote_it(self, talked: Talk) -> None:
        await store(talked.layer, "ann", await talked.source(), "s3", Written("- user: Message 0", None))
        found = await talked.summary()
        assert found is not None
        assert (found.source, found.model) == ("extractive", None)

    @pytest.mark.parametrize("continued", [False, True])
    @pytest.mark.parametrize("change", ["edited", "deleted", "added"])
    async def test_one_whose_messages_changed_while_it_was_written_is_discarded(
        self, talked: Talk, change: str, continued: bool
    ) -> None:
        if continued:
            await talked.sum_up(3, "Four.")
        source = await talked.source()
        match change:
            case "edited":
                await talked.layer.update_step(talked.step(2) | {"output": "Another"})
            case "deleted":
                await talked.layer.delete_step("s2")
            case _:
                await talked.layer.create_step(talked.step(4) | {"id": "late", "createdAt": "2026-01-01T00:00:02.5Z"})
        await store(talked.layer, "ann", source, "s5", Written("Six.", FLASH))
        assert await talked.summary() is None
        assert (await talked.sum_up(5, "Anew.")) is not None

    async def test_an_edit_of_a_covered_message_has_it_made_anew_of_the_messages(self, talked: Talk) -> None:
        await talked.sum_up(5, "Old news.")
        await talked.layer.update_step(talked.step(1) | {"output": "Another"})
        assert await talked.known() == (None, ["Message 0", "Another", *numbered(*range(2, 10))])
        source = await talked.source()
        assert source.session.summary is None
        assert source.session.messages[1].text == "Another"
        await talked.sum_up(5, "New.")
        assert await talked.known() == ("New.", numbered(6, 7, 8, 9))

    async def test_none_outlives_its_thread(self, talked: Talk) -> None:
        source = await talked.source()
        await talked.layer.delete_thread("t")
        assert (await talked.source()).session.messages == ()
        await store(talked.layer, "ann", source, "s5", Written("Six.", FLASH))
        assert await talked.summary() is None

    async def test_one_that_was_late_gives_way_to_one_that_covers_more(self, talked: Talk) -> None:
        late = await talked.source()
        await talked.sum_up(7, "Eight.")
        await store(talked.layer, "ann", late, "s3", Written("Four.", FLASH))
        assert await talked.known() == ("Eight.", numbered(8, 9))


class TestCleared:
    async def test_what_was_forgotten_is_covered_and_not_told(self, talked: Talk) -> None:
        await talked.sum_up(1, "A secret.")
        await talked.layer.create_step(talked.step(10, metadata={"command": "clear"}) | {"output": "/clear"})
        for n in range(11, 15):
            await talked.layer.create_step(talked.step(n))
        source = await talked.source()
        assert source.session.summary is None
        assert [message.text for message in source.session.messages] == numbered(11, 12, 13, 14)
        found = await talked.sum_up(12, "Eleven and twelve.")
        assert found is not None
        assert (found.from_step, found.messages) == ("s0", 13)
        assert await talked.known() == ("Eleven and twelve.", numbered(13, 14))
        assert (await talked.source()).session.summary == "Eleven and twelve."

    async def test_a_summary_begun_before_does_not_bring_it_back(self, talked: Talk) -> None:
        begun = await talked.source()
        await talked.layer.create_step(talked.step(10, metadata={"command": "clear"}) | {"output": "/clear"})
        await store(talked.layer, "ann", begun, "s5", Written("A secret.", FLASH))
        assert await talked.summary() is not None
        assert await talked.known() == (None, [])


async def test_commands_and_answers_of_nobody_are_covered_and_not_told(talked: Talk) -> None:
    for n, marks in ((10, {"command": "info"}), (11, {"command": "info"}), (12, {}), (13, {"fallback": "quota"})):
        await talked.layer.create_step(talked.step(n, metadata=marks))
    await talked.layer.create_step(talked.step(14))
    source = await talked.source()
    assert [message.text for message in source.session.messages] == numbered(*range(10), 12, 14)
    found = await talked.sum_up(12, "All.")
    assert found is not None
    assert found.messages == 13


async def test_a_thread_longer_than_a_turn_reads_is_summed_up_from_its_beginning(layer: DataLayer) -> None:
    talked = Talk(layer)
    await talked.fill(2_300)
    session = await rebuild(layer, "t")
    assert not session.complete
    source = await talked.source()
    assert len(source.session.messages) == 2_300
    found = await talked.sum_up(2_289, "Long.")
    assert found is not None
    assert found.messages == 2_290
    assert await talked.known() == ("Long.", numbered(*range(2_290, 2_300)))
    assert outgrown(source.session, ROOM, 0.8) > 1_000

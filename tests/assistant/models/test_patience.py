"""One call: bounded, and tried again only where nobody can see it."""

import asyncio

import pytest

from assistant.models.base import (
    Blocked,
    ChatMessage,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelUnavailable,
    QuotaExhausted,
    Usage,
)
from assistant.models.patience import Patience, stream
from tests.assistant.models.scripted import Scripted

REQUEST = ChatRequest([ChatMessage("user", "Who?")], "flash", 0.5, "")
QUICK = Patience(first=30, between=30, attempts=3, pause=0)
broken = ModelUnavailable("503")


async def collect(model: Scripted, patience: Patience = QUICK) -> list[str | Usage]:
    return [piece async for piece in stream(model, REQUEST, patience)]


async def test_an_error_of_the_server_is_tried_again_before_the_first_piece() -> None:
    model = Scripted()
    model.script(broken)
    model.script(broken)
    model.script("Hel", "lo", Usage(1, 2))
    assert await collect(model) == ["Hel", "lo", Usage(1, 2)]


async def test_but_not_for_ever() -> None:
    model = Scripted()
    for _ in range(4):
        model.script(broken)
    with pytest.raises(ModelUnavailable):
        await collect(model)
    assert len(model.requests) == QUICK.attempts


async def test_who_is_refused_comes_back_later_each_time_and_not_with_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    model, calls = Scripted(), 200
    for _ in range(calls):
        model.script(broken)
        model.script(broken)
        model.script("Yes")
        await collect(model, Patience(attempts=3, pause=8))
    assert len(pauses) == 2 * calls
    # So many leave none of the outer quarters of the range empty.
    for nominal, each in [(8, pauses[::2]), (16, pauses[1::2])]:
        assert 0.5 * nominal <= min(each) < 0.75 * nominal
        assert 1.25 * nominal < max(each) <= 1.5 * nominal


async def test_usage_that_came_first_was_not_shown() -> None:
    model = Scripted()
    model.script(Usage(5, 0), broken)
    model.script("Yes")
    assert await collect(model) == [Usage(5, 0), "Yes"]


async def test_never_after_the_first_piece() -> None:
    model = Scripted()
    model.script("Hel", broken)
    pieces = stream(model, REQUEST, QUICK)
    assert await anext(pieces) == "Hel"
    with pytest.raises(ModelUnavailable):
        await anext(pieces)
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "error",
    [
        QuotaExhausted("429"),
        InvalidRequest("400"),
        Blocked("x"),
        ModelUnavailable("", "empty"),
        ModelUnavailable("", "silent"),
    ],
    ids=lambda error: error.reason,
)
async def test_what_would_fail_again_is_not_tried_again(error: ModelError) -> None:
    model = Scripted()
    model.script(error)
    with pytest.raises(type(error)):
        await collect(model)
    assert len(model.requests) == 1


@pytest.mark.parametrize("before", [(), ("Hel",)], ids=["before the first piece", "between two"])
async def test_a_silent_model_is_left_and_its_request_ended(before: tuple[str, ...]) -> None:
    model = Scripted()
    model.script(*before, asyncio.Event())
    first, between = (30.0, 0.0) if before else (0.0, 30.0)
    with pytest.raises(ModelUnavailable) as caught:
        await collect(model, Patience(first, between))
    assert caught.value.reason == "silent"
    assert model.left == 1
    assert len(model.requests) == 1


async def test_whoever_stops_listening_ends_the_request() -> None:
    model = Scripted()
    model.script("Hel", asyncio.Event())
    pieces = stream(model, REQUEST, QUICK)
    assert await anext(pieces) == "Hel"
    await pieces.aclose()
    assert model.left == 1


async def test_cancelling_ends_the_request() -> None:
    model, started = Scripted(), asyncio.Event()

    async def listen() -> None:
        async for _ in stream(model, REQUEST, QUICK):
            started.set()

    model.script("Hel", asyncio.Event())
    task = asyncio.create_task(listen())
    await started.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert model.left == 1

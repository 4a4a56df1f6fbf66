"""Whatever becomes of one conversation of an export, nothing raises, and the others come over as they were."""

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.opened import opened
from exchange.origins.anythingllm import AnythingLLM
from exchange.origins.base import Conversation, Origin, Problem
from exchange.origins.claude import Claude
from exchange.origins.gemini import Gemini
from exchange.origins.librechat import LibreChat
from exchange.origins.openwebui import OpenWebUI
from tests.conftest import often
from tests.exchange.origins.exports import (
    PICTURE,
    anythingllm,
    claude,
    csv_of,
    gemini,
    librechat,
    node,
    openwebui,
    page,
    said,
    written,
)

ODD: list[Any] = [
    *(None, True, 0, -1, 10**30, 1e300, "", "x", "\ud800", "\0", "00000000-0000-4000-8000-000000000000", "<details "),
    *([], {}, [None], [[[]]], {"text": {"value": 5}}, "x" * 5_000, {"": ""}, [{"type": 5}], "data:image/png;base64,!"),
]


def rich_claude(number: int) -> Any:
    blocks = [
        {"type": "thinking", "thinking": "hmm"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {"q": 1}},
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "r"}]},
        {"type": "text", "text": "an avocet"},
    ]
    file = {"file_name": "a", "file_uuid": "f"}
    pasted = {"file_name": "", "extracted_content": "p"}
    question = {"uuid": "h", "sender": "human", "content": [], "text": "?", "attachments": [pasted], "files": [file]}
    answer = {"uuid": "a", "sender": "assistant", "content": blocks, "parent_message_uuid": "h"}
    return claude(number, question | {"parent_message_uuid": None}, answer)


def rich_openwebui(number: int) -> Any:
    output = [{"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}, {"type": "reasoning"}]
    reply = {"model": "m", "annotation": {"rating": 1}, "output": output, "files": [{"url": PICTURE}], "error": None}
    text = '<details type="reasoning"><summary>s</summary>> x</details>an avocet'
    messages = {"q": node(None, "user", "bird?", children=["a"]), "a": node("q", "assistant", text, **reply)}
    return openwebui(number, messages)


def rich_librechat(number: int) -> Any:
    parts = [
        {"type": "think", "think": "t"},
        {"type": "tool_call", "tool_call": {"name": "n"}},
        {"type": "text", "text": "x"},
    ]
    answer = said("a", "q", "", sender="GPT", content=parts, feedback={"rating": "thumbsUp"}, files=[{"file_id": "f"}])
    return librechat(number, [said("q", None, "bird?") | {"children": [answer]}])


def rich_gemini(number: int) -> Any:
    return gemini(number, attachedFiles=["a.png"], subtitles=[{"name": "Gem", "url": "u"}])


def rich_anythingllm(number: int) -> Any:
    return anythingllm(number, attachments=[{"type": "image", "image": PICTURE}])


def rich_page(number: int) -> str:
    return f"Prompted&nbsp;bird {number}?<br>Sep {number}, 2026, 2:13:20 PM UTC<br><p>an <b>avocet</b></p>"


def places(value: Any) -> list[tuple[Any, Any]]:
    """Each place in a JSON value: what has it, and its key there."""
    found, waiting = [], [value]
    while waiting:
        one = waiting.pop()
        pairs = list(one.items()) if isinstance(one, dict) else list(enumerate(one)) if isinstance(one, list) else []
        found += [(one, key) for key, _ in pairs]
        waiting += [inner for _, inner in pairs]
    return found


def mutated(value: Any, dice: random.Random) -> Any:
    """``value`` with some keys dropped, values of other types, and parts in parts."""
    root = [copy.deepcopy(value)]
    for _ in range(dice.randint(1, 6)):
        has, key = dice.choice(places(root))
        change = dice.randint(0, 4)
        if change == 0 and isinstance(has, dict):
            del has[key]
        elif change == 1:
            has[key] = [has[key]] * dice.randint(1, 3)
        elif change == 2:
            has[key] = {"content": has[key], "text": has[key]}
        elif change == 3:
            has[key] = copy.deepcopy(dice.choice([inner[k] for inner, k in places(root)]))
        else:
            has[key] = copy.deepcopy(dice.choice(ODD))
    return root[0] if root else None


def as_json(of: Callable[[int], Any]) -> Callable[[list[int], random.Random], list[Any]]:
    return lambda numbers, dice: [of(n) if n != 2 else mutated(of(n), dice) for n in numbers]


CASES: dict[str, tuple[Origin, Callable[[list[int], random.Random], Any]]] = {
    "claude": (Claude(), as_json(rich_claude)),
    "openwebui": (OpenWebUI(), as_json(rich_openwebui)),
    "librechat": (LibreChat(), as_json(rich_librechat)),
    "gemini": (Gemini(), as_json(rich_gemini)),
    "anythingllm": (AnythingLLM(), as_json(rich_anythingllm)),
}


def conversations(origin: Origin, path: Path) -> dict[str, Any]:
    """By their keys what they say, of all that is read; everything that is given is looked at."""
    with opened(path) as source:
        assert origin.recognises(source)
        found = list(origin.read(source))
    for one in found:
        assert isinstance(one, (Conversation, Problem))
        assert not (isinstance(one, Problem) and "not known (" in str(one.why)), one
        if isinstance(one, Conversation):
            check(one)
    return {
        one.key: [(said.by, said.text, said.at) for said in one.said] for one in found if isinstance(one, Conversation)
    }


def check(one: Conversation) -> None:
    """It is what ``base`` promises."""
    assert one.key
    assert one.said
    assert len({said.key for said in one.said}) == len(one.said)
    json.dumps([one.metadata, *(said.metadata for said in one.said)])
    for said_ in one.said:
        assert isinstance(said_.text, str)
        assert isinstance(said_.input, str)
        assert said_.vote in (0, 1, None)
        assert said_.at is None or isinstance(said_.at, int)
        assert said_.key != said_.parent
    by_key = {said_.key: said_.parent for said_ in one.said}
    for key in by_key:
        passed: set[str] = set()
        at: str | None = key
        while at in by_key:
            assert at not in passed
            passed.add(at)
            at = by_key[at]


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=often(25, 500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_one_odd_conversation_never_stops_the_rest(tmp_path: Path, name: str, seed: int) -> None:
    origin, made = CASES[name]
    path = tmp_path / "export.json"
    untouched = conversations(origin, written(path, made([1, 3, 4], random.Random(0))))
    found = conversations(origin, written(path, made([1, 2, 3, 4], random.Random(seed))))
    assert len(untouched) == 3
    assert {key: found.get(key) for key in untouched} == untouched


@settings(max_examples=often(25, 500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_page_whose_middle_is_odd(tmp_path: Path, seed: int) -> None:
    dice, cell = random.Random(seed), rich_page(2)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(cell))
        cell = (
            cell[:at] + dice.choice(["<", ">", "&", "<p", "<b>", "<!-", "</p>", "\0", "<br>", "é", ""]) + cell[at + 1 :]
        )
    path = tmp_path / "export.html"
    untouched = conversations(Gemini(), written(path, page(rich_page(1))))
    assert len(untouched) == 1
    found = conversations(Gemini(), written(path, page(rich_page(1), cell, rich_page(4))))
    assert {key: found.get(key) for key in untouched} == untouched


@settings(max_examples=often(25, 500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_bytes_that_are_lost_or_added_raise_nothing(tmp_path: Path, noise: bytes, seed: int) -> None:
    dice = random.Random(seed)
    name, content = dice.choice(
        [
            ("a.json", json.dumps([rich_claude(1), rich_claude(2)])),
            ("a.json", json.dumps([rich_openwebui(1)])),
            ("a.json", json.dumps(rich_librechat(1))),
            ("a.json", json.dumps([rich_gemini(1)])),
            ("a.html", page(rich_page(1))),
            ("a.csv", csv_of(anythingllm(1), anythingllm(2))),
        ]
    )
    data = content.encode()
    at = dice.randrange(len(data))
    path = written(tmp_path / name, data[:at] + noise + data[at + dice.randint(0, 50) :])
    with opened(path) as source:
        for origin, _ in CASES.values():
            origin.recognises(source)
            for one in origin.read(source):
                if isinstance(one, Conversation):
                    check(one)

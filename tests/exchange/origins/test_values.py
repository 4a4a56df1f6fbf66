"""Values of an export, whatever they are."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.origins import values
from exchange.origins.places import Place
from exchange.origins.reasons import Why

AT = 1_790_000_000_000_000

# What JSON can hold.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**4000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "written",
    [
        1_790_000_000,
        1_790_000_000.0,
        1_790_000_000_000,
        AT,
        AT * 1_000,
        "1790000000",
        "1790000000.000",
        "2026-09-21T14:13:20Z",
        "2026-09-21T14:13:20.000000Z",
        "2026-09-21T16:13:20+02:00",
        "2026-09-21 14:13:20",
        "2026-09-21T14:13:20.0000000",
        "Mon Sep 21 2026 16:13:20 GMT+0200 (Central European Summer Time)",
        "Mon, 21 Sep 2026 14:13:20 GMT",
        " 2026-09-21T14:13:20Z ",
    ],
)
def test_a_time_is_read_as_products_write_it(written: object) -> None:
    assert values.moment(written) == AT


@pytest.mark.parametrize(
    "written",
    [None, "", "soon", 0, -5, 12, True, float("nan"), float("inf"), 10**4000, [], {}, "9999-12-31T23:59:59-14:00"],
)
def test_what_is_no_time_is_none(written: object) -> None:
    assert values.moment(written) is None


def test_parts_of_several_kinds_become_text() -> None:
    parts: list[Any] = ["a", {"type": "text", "text": "b"}, {"type": "text", "text": {"value": "c"}}, {"image": 1}, 5]
    assert values.plain(parts) == "a\n\nb\n\nc"
    assert (values.plain("a"), values.plain(None), values.plain({"text": "b"})) == ("a", "", "b")


def test_a_data_url_is_read_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = "data:image/png;base64," + base64.b64encode(b"picture").decode()
    assert values.data_url(made) == ("image/png", b"picture")
    assert values.data_url("data:,a%20b") == (None, b"a b")
    assert values.data_url("data:text/plain;charset=utf-8;base64,YQ==") == ("text/plain", b"a")
    assert values.data_url("https://example.org/a.png") is None
    assert values.data_url("data:image/png;base64,abc") is None
    monkeypatch.setattr(values, "LARGEST_FILE", 3)
    assert values.data_url("data:image/png;base64," + "A" * 3_000) is None


def test_keys_are_unlike_and_the_same_each_time() -> None:
    def made() -> list[str]:
        keys = values.Keys()
        return [keys.add("a"), keys.add("a"), keys.add(None, "x"), keys.add({}, "x"), keys.add(7), keys.add("k" * 999)]

    found = made()
    assert found == made()
    assert found[:2] == ["a", "a-2"]
    assert found[4] == "7"
    assert len(set(found)) == 6
    assert max(map(len, found)) < 200


def test_what_was_not_read_is_kept_unless_it_is_too_much() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    kept, problems = values.rest(
        {"a": 1, "b": 2, "c": None, "deep": deep, "big": "x" * 2_000_000}, {"a"}, Place("here")
    )
    assert kept == {"b": 2}
    assert [(str(p.place), p.lost) for p in problems] == [("here", False)]
    assert problems[0].why == Why("rest_large", names="deep, big")


@given(ANYTHING)
def test_nothing_raises(value: object) -> None:
    for read in (
        values.moment,
        values.text,
        values.line,
        values.identifier,
        values.flag,
        values.plain,
        values.data_url,
        values.fits,
    ):
        read(value)  # type: ignore[operator]
    values.rest(values.mapping({"x": value}), (), Place())
    values.Keys().add(value, value)

"""One odd conversation never stops the rest."""

from collections.abc import Iterator

from exchange.origins.base import Conversation, Item, Problem, Read
from exchange.origins.each import each


def convert(item: Item) -> Iterator[Read]:
    yield Conversation(item.value["id"], item.place, [])
    if item.value.get("deep"):
        convert_deep(item.value)


def convert_deep(value: object) -> None:
    convert_deep(value)


def test_what_fails_is_told_with_its_place_and_the_rest_comes() -> None:
    items: list[Item | Problem] = [
        Item("x, item 1", {"id": "1"}),
        Item("x, item 2", []),
        Problem("x, item 3", "it is no JSON"),
        Item("x, item 4", {"id": "4", "deep": True}),
        Item("x, item 5", {"id": "5"}),
    ]
    found = list(each(items, convert))
    assert [f.place for f in found] == ["x, item 1", "x, item 2", "x, item 3", "x, item 4", "x, item 4", "x, item 5"]
    assert [f.why for f in found if isinstance(f, Problem)] == [
        "it has a shape that is not known (TypeError)",
        "it is no JSON",
        "it has a shape that is not known (RecursionError)",
    ]

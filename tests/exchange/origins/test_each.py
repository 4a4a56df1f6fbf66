"""One odd conversation never stops the rest."""

from collections.abc import Iterator

from exchange.origins.base import Conversation, Item, Problem, Read
from exchange.origins.each import each
from exchange.origins.places import Place
from exchange.origins.reasons import Why

X = Place("x")


def convert(item: Item) -> Iterator[Read]:
    yield Conversation(item.value["id"], item.place, [])
    if item.value.get("deep"):
        convert_deep(item.value)


def convert_deep(value: object) -> None:
    convert_deep(value)


def test_what_fails_is_told_with_its_place_and_the_rest_comes() -> None:
    items: list[Item | Problem] = [
        Item(X.at(item=1), {"id": "1"}),
        Item(X.at(item=2), []),
        Problem(X.at(item=3), Why("no_json")),
        Item(X.at(item=4), {"id": "4", "deep": True}),
        Item(X.at(item=5), {"id": "5"}),
    ]
    found = list(each(items, convert))
    assert [str(f.place) for f in found] == [
        "x, item 1",
        "x, item 2",
        "x, item 3",
        "x, item 4",
        "x, item 4",
        "x, item 5",
    ]
    assert [str(f.why) for f in found if isinstance(f, Problem)] == [
        "it has a shape that is not known (TypeError)",
        "it is no JSON, or damaged",
        "it has a shape that is not known (RecursionError)",
    ]

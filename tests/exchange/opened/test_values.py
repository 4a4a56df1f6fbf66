"""A JSON file of which something is wrong: all that is right in it comes, in order, and the rest is told."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange.opened import Limits, opened
from exchange.origins.base import Item, Problem
from exchange.origins.places import Place
from exchange.origins.reasons import Why

SMALL = Limits(chunk=64, element=50_000, search=2_000)
BIRDS = [{"title": f"Birds {n}", "mapping": {"a": {"parts": ["x", {"y": [1, n]}]}}} for n in range(5)]


@pytest.fixture(params=[3, 1_000_000])
def read(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Reads it in pieces of some size, so that what is looked for is cut anywhere."""

    def of(content: str | bytes, key: str | None = None) -> tuple[list[Any], list[Problem]]:
        path = tmp_path / "x.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        limits = Limits(chunk=request.param, element=50_000, search=2_000)
        with opened(path, limits) as source:
            found = list(source.items("x.json", key))
        return [f.value for f in found if isinstance(f, Item)], [f for f in found if isinstance(f, Problem)]

    return of


def whys(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(str(problem.place), str(problem.why)) for problem in problems]


@pytest.mark.parametrize("content", [json.dumps(BIRDS), json.dumps(BIRDS, indent=2), " \n" + json.dumps(BIRDS) + "\n"])
def test_the_elements_of_an_array_come_in_order(read: Any, content: str) -> None:
    assert read(content) == (BIRDS, [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_whatever_the_encoding_is(read: Any, encoding: str) -> None:
    said = [{"title": "Vögel 🐦 鳥"}, {"title": "b"}]
    assert read(json.dumps(said, ensure_ascii=False).encode(encoding)) == (said, [])


def test_an_array_below_a_key_and_an_object_without_it(read: Any) -> None:
    content = json.dumps({"format": {"conversations": [0]}, "n": 12, "conversations": BIRDS, "more": [1]})
    assert read(content, "conversations") == (BIRDS, [])
    assert read(content) == ([json.loads(content)], [])
    assert read(json.dumps(BIRDS[0]), "conversations") == ([BIRDS[0]], [])
    assert read(json.dumps(BIRDS), "conversations") == (BIRDS, [])


def test_an_array_is_found_behind_a_broken_head(read: Any) -> None:
    values, problems = read('{"a": nothing, "conversations": ' + json.dumps(BIRDS) + "}", "conversations")
    assert (values, [p.lost for p in problems]) == (BIRDS, [False])


def test_lines_come_with_their_numbers(read: Any) -> None:
    content = '{"a": 1}\n\n{"a": 2}\r\nnot this\n{"a": \n{"a": 5}\n{"a": "6'
    values, problems = read(content)
    assert values == [{"a": 1}, {"a": 2}, {"a": 5}]
    assert [str(p.place) for p in problems] == ["x.json, line 4", "x.json, line 5", "x.json, line 7"]


def test_several_objects_and_several_arrays_of_one_file(read: Any) -> None:
    pretty = json.dumps(BIRDS[0], indent=1)
    assert read(f"{pretty}\n{pretty}{pretty}") == ([BIRDS[0]] * 3, [])
    assert read("[1, 2] [3]\n[]") == ([1, 2, 3], [])


BROKEN = {
    "no value": '{"title": "bad", "mapping": }',
    "no JSON at all": "undefined",
    "no end": '{"title": "bad", "mapping": {"a": [1, {"b": 2}',
    "two ends": '{"title": "bad"}}',
    "a bracket of the other kind": '{"title": "bad", "mapping": [1, 2}',
    "a quote in a text": '{"title": "so "bad", "mapping": {"a": "[{"}}',
    "a text without end": '{"title": "bad, "mapping": {"a": "b"}}',
    "no colon": '{"title" "bad"}',
    "many digits": '{"title": ' + "9" * 5_000 + "}",
    "depth": '{"title": ' + "[" * 20_000 + "]" * 20_000 + "}",
    "depth without end": '{"title": ' + '{"a":' * 6_000,
    "size": '{"title": "' + "x" * 200_000 + '", "mapping": {"a": "}"}}',
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("place", [0, 2, 5])
def test_one_that_is_broken_is_told_and_the_others_come(read: Any, broken: str, place: int) -> None:
    parts = [json.dumps(bird) for bird in BIRDS]
    parts.insert(place, broken)
    values, problems = read("[" + ", ".join(parts) + "]")
    assert [v for v in values if v in BIRDS] == BIRDS
    assert {f"x.json, item {place + n}" for n in (1, 2)} & {str(p.place) for p in problems}
    assert any(p.lost for p in problems)


def test_what_is_larger_than_an_element_may_be_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('[{"title": "' + "x" * 200_000 + '"}, {"title": "b"}]')
    with opened(path, SMALL) as source:
        assert list(source.items("x.json")) == [
            Problem(Place("x.json").at(item=1), Why("too_large", mb=0)),
            Item(Place("x.json").at(item=2), {"title": "b"}),
        ]


@pytest.mark.parametrize("left", [0.2, 0.5, 0.9, 0.99])
def test_of_a_file_that_was_cut_off_the_whole_ones_come(read: Any, left: float) -> None:
    content = json.dumps(BIRDS)
    cut = content[: int(len(content) * left)]
    values, problems = read(cut)
    assert values == BIRDS[: cut.count("]}}}")]
    assert len(problems) == 1
    assert problems[0].lost


def test_broken_utf8_is_replaced_in_its_element_alone(read: Any) -> None:
    parts = [json.dumps(bird).encode() for bird in BIRDS]
    parts[2] = parts[2].replace(b"Birds", b"Bi\xe9\xff\xf0\x9f")
    values, problems = read(b"[" + b",".join(parts) + b"]")
    assert values[:2] + values[3:] == BIRDS[:2] + BIRDS[3:]
    assert values[2]["title"].startswith("Bi��")
    assert values[2]["title"].endswith(" 2")
    assert [(str(p.place), p.lost) for p in problems] == [("x.json, item 3", False)]


@pytest.mark.parametrize("escape", ["\\ud83d", "\\udc26", "\\udc26\\ud83d", "\\u0000", "\\uD83Dx"])
def test_what_no_database_takes_is_replaced(read: Any, escape: str) -> None:
    values, problems = read('[{"a": "' + escape + '", "b": "\\ud83d\\udc26"}]')
    assert "�" in values[0]["a"]
    assert values[0]["b"] == "🐦"
    assert [p.lost for p in problems] == [False]


def test_what_is_written_as_one_may_stay(read: Any) -> None:
    assert read('["\\ud83d\\udc26", "\\\\ud83d", "\\u0001"]') == (["🐦", "\\ud83d", "\x01"], [])


def test_numbers_that_are_none_and_keys_that_are_two(read: Any) -> None:
    values, problems = read('[{"a": NaN, "b": -Infinity, "c": 1e5}, {"a": 1, "a": 2}, {"a": "line\nbreak"}]')
    assert values == [{"a": None, "b": None, "c": 1e5}, {"a": 2}, {"a": "line\nbreak"}]
    assert whys(problems) == [("x.json, item 2", "a key occurs twice in it; the last one counts")]


@pytest.mark.parametrize("content", ["", "  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_told(read: Any, content: Any) -> None:
    assert read(content) == ([], [Problem(Place("x.json"), Why("empty"))])


def test_what_is_no_json_gives_nothing(read: Any) -> None:
    values, problems = read("<html><body>{}</body></html>\n" * 50)
    assert values == []
    assert len(problems) == 1


def test_a_large_element_takes_as_long_as_it_is_large() -> None:
    """Each piece of a text is looked at a few times, not once for each piece behind it."""
    from exchange.opened.pieces import Pieces

    class Counted(Pieces):
        parsed = 0

        def grow(self, wanted: int = 1) -> bool:
            Counted.parsed += len(self.text)
            return super().grow(wanted)

    content = json.dumps({"a": "x" * 4_000_000}).encode()
    pieces = Counted(io.BytesIO(content), Limits(chunk=1_000))
    pieces.next()
    assert len(pieces.take()[0]["a"]) == 4_000_000
    assert Counted.parsed < 3 * len(content)


def test_what_is_held_of_a_file_is_an_element_and_a_piece(tmp_path: Path) -> None:
    import tracemalloc

    def texts() -> Iterator[str]:
        yield "["
        for n in range(20_000):
            yield ("," if n else "") + json.dumps({"title": str(n), "text": "x" * 1_000})
        yield "]"

    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as made, made.open("x.json", "w") as member:
        for text in texts():
            member.write(text.encode())
    with opened(tmp_path / "x.zip") as source:
        tracemalloc.start()
        count = sum(1 for _ in source.items("x.json"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 8_000_000

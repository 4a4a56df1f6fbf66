"""JSON without lines, by the path to each value; notebooks by their cells. JSON with lines is text."""

import json
from collections.abc import Iterator

from datalayer.passages import Place

from ..cutting import Block
from . import text
from .source import Source

_MOST = 8_000_000
"""Characters that are read into memory as values."""
_LONG = 1_000
"""Characters of a line that nobody reads."""


def read(source: Source) -> Iterator[Block]:
    content = source.text()
    if len(content) > _MOST or content.count("\n") * _LONG > len(content):
        yield from text.blocks(content)
        return
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):  # several values, a line each; or none
        yield from text.blocks(content)
        return
    yield from _values(value)


def _values(value: object) -> Iterator[Block]:
    """Without recursion: what is nested deep is no reason to fail."""
    waiting: list[tuple[str, str, object]] = [("", "", value)]
    while waiting:
        top, path, each = waiting.pop()
        inner: list[tuple[str, str, object]] = []
        if isinstance(each, dict):
            inner = [(top or key, f"{path}.{key}" if path else key, at) for key, at in each.items()]
        elif isinstance(each, list):
            inner = [(top, f"{path}[{number}]", at) for number, at in enumerate(each)]
        elif each is not None:
            said = each if isinstance(each, str) else json.dumps(each)
            yield Block(f"{path}: {said}" if path else said, Place(heading=(top,) if top else ()), opens=False)
        waiting += reversed(inner)


def read_notebook(source: Source) -> Iterator[Block]:
    try:
        cells = json.loads(source.text())["cells"]
        said = ["".join(cell["source"]) for cell in cells]
    except (ValueError, RecursionError, KeyError, TypeError):
        yield from read(source)
        return
    for cell in said:
        for number, line in enumerate(text.lines(cell)):
            yield Block(line.rstrip("\r\n"), Place(), opens=number == 0, after="\n" if number else "\n\n")

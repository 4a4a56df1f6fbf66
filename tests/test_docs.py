"""The documentation says what is there."""

import ast
import re
from pathlib import Path

import pytest

from docs.generate import PAGE, data_model

ROOT = Path(__file__).parents[1]
DESIGN = (ROOT / "docs/design.md").read_text(encoding="utf-8")
INVARIANTS = re.findall(r"^\| (I\d+) \| .* \| `(.*)` \| `(.*)` \|$", DESIGN, re.MULTILINE)


def test_the_data_model_is_that_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == data_model(), "out of date: make docs"


def test_the_invariants_are_listed() -> None:
    assert [name for name, *_ in INVARIANTS] == [f"I{number}" for number in range(1, 13)]


@pytest.mark.parametrize(("name", "module", "tests"), INVARIANTS)
def test_an_invariant_is_named_where_it_is_kept(name: str, module: str, tests: str) -> None:
    said = ast.get_docstring(ast.parse((ROOT / module).read_text(encoding="utf-8"))) or ""
    assert re.search(rf"\b{name}\b", said)
    assert (ROOT / tests).is_file()

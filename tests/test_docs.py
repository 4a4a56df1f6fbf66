"""The documentation says what is there."""

import ast
import re
from pathlib import Path

import pytest

from docs.generate import PAGE, data_model

ROOT = Path(__file__).parents[1]
DESIGN = (ROOT / "docs/design.md").read_text(encoding="utf-8")
PAGES = sorted(str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
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


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_points_to_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if ":" not in link}
    assert {link for link in links if link and not (ROOT / page).parent.joinpath(link).exists()} == set()

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
    assert [name for name, *_ in INVARIANTS] == [f"I{number}" for number in range(1, 16)]


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


TABLE = DESIGN.partition("| to change | look in |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
PATH = re.compile(r"`((?=[^`]*/|[^`]*\.(?:py|md|json|css)`)[^`\s]+)`")


def places(row: str) -> dict[str, list[Path]]:
    """What the paths of a row lead to. A name without its folder is below one that the row names."""
    named = PATH.findall(row)
    folders = [path if path.is_dir() else path.parent for path in (ROOT / name for name in named) if path.exists()]
    return {
        name: [*ROOT.glob(name)] or [found for folder in folders if folder != ROOT for found in folder.rglob(name)]
        for name in named
    }


@pytest.mark.parametrize("row", TABLE)
def test_where_to_look_is_there(row: str) -> None:
    found = places(row)
    assert found
    assert [name for name, paths in found.items() if not paths] == []


@pytest.mark.parametrize("package", ["assistant", "datalayer", "exchange", "library"])
def test_every_module_is_where_somebody_would_look(package: str) -> None:
    named = {path for row in TABLE for paths in places(row).values() for path in paths}
    modules = {path for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py"}
    missing = {str(path.relative_to(ROOT)) for path in modules if not named & {path, *path.parents}}
    assert missing == set()

"""Each module that mends Chainlit says where that is wrong, and has a test of its name that shows it."""

import ast
import re
from pathlib import Path

import chainlit
import pytest

from tests.processes import ROOT

OF_THE_DATA_LAYER = ("chosen_ids", "ended_sessions", "votes")
FIXES = [
    *(path for path in (ROOT / "assistant" / "fixes").glob("*.py") if path.stem not in ("__init__", "patch")),
    *(ROOT / "datalayer" / "chainlit" / f"{name}.py" for name in OF_THE_DATA_LAYER),
]


@pytest.mark.parametrize("fix", FIXES, ids=lambda path: path.stem)
def test_a_fix_names_what_it_mends_and_is_tried_without_it(fix: Path) -> None:
    said = ast.get_docstring(ast.parse(fix.read_text())) or ""
    named = re.findall(r"\b\w+\.(?:py|html)\b", said)
    assert any([*Path(chainlit.__path__[0]).rglob(name)] for name in named)
    assert (Path(__file__).parent / f"test_{fix.stem}.py").exists()

"""The script of Chainlit's page as this project expects it: when this fails, it has changed."""

from pathlib import Path

import pytest
from chainlit import server

from assistant.fixes import page_script


@pytest.mark.parametrize("root", ["", "/chat"])
def test_the_page_has_one_of_each_that_is_replaced(root: str) -> None:
    (found,) = (Path(server.build_dir) / "assets").glob("index-*.js")
    text, replaced = page_script.better(found.read_bytes(), root)
    assert replaced == (1,) * 8
    assert text.count(b"globalThis.markdownReaders") == 1
    assert b"{singleTilde:!1}" in text
    assert b"globalThis.nestedSteps(" in text
    assert text.count(b"globalThis.heldElements(") == 2
    assert text.count(b"globalThis.namesInProse") == 1
    assert text.count(b".props||{}).title||") == 2
    assert text.count(b".props||{}).source)") == 1
    assert text.count(b"globalThis.groupsBefore") == 1
    (worker,) = (Path(server.build_dir) / "assets").glob("pdf.worker*")
    assert text.count(f'"{root}/assets/{worker.name}"'.encode()) == 1


def test_another_script_is_served_as_it_is() -> None:
    assert page_script.better(b"let l=[a,b];return l", "/chat") == (b"let l=[a,b];return l", (0,) * 8)

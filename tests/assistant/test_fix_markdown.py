"""Chainlit's page as this project expects it: when this fails, its reader of Markdown has changed."""

from pathlib import Path

from chainlit import server

from assistant.fixes import markdown


def test_the_page_has_one_list_of_readers_and_it_is_ours() -> None:
    (script,) = (Path(server.build_dir) / "assets").glob("index-*.js")
    text, replaced = markdown.better(script.read_bytes())
    assert replaced == 1
    assert text.count(b"globalThis.markdownReaders") == 1
    assert b"{singleTilde:!1}" in text


def test_another_script_is_served_as_it_is() -> None:
    assert markdown.better(b"let l=[a,b];return l") == (b"let l=[a,b];return l", 0)

"""The welcome page is English for a browser whose language is ``fr`` or ``fr-CA``.

``get_markdown_str`` (markdown.py) looks for a file of exactly that tag, ``chainlit_fr-CA.md``, and warns in the log
that it found none. Here it gets the tag of one that is there.
"""

from typing import Any

from chainlit import server

from ..texts import language
from .patch import patch


def install() -> None:
    patch(server, "get_markdown_str", _of_the_language)


def _of_the_language(original: Any) -> Any:
    def get_markdown_str(root: str, tag: str) -> Any:
        return original(root, "fr-FR" if language(tag) == "fr" else "en-US")

    return get_markdown_str

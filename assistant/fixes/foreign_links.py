"""Two strangers learn who chats here, and when: the page asks a CDN for a stylesheet and greets a font server.

Both stand in Chainlit's ``index.html``; ``custom_fonts`` in ``public/theme.json`` replaces the fonts themselves only.
What the stylesheet is for, formulas, is served by ``public/vendor/``.
"""

import re
from typing import Any

from chainlit import server

from .patch import patch

_FOREIGN_LINK = re.compile(r'<link\b[^>]*\bhref="https?://[^>]*>\s*')


def install() -> None:
    patch(server, "get_html_template", _without)


def _without(original: Any) -> Any:
    def get_html_template(root_path: str) -> str:
        return _FOREIGN_LINK.sub("", original(root_path))

    return get_html_template

"""The page cannot be installed on a phone, and browsers find the modules of ``public/page/`` one after the other.

A phone wants a manifest, icons and colours; a browser that is not told of a module asks for it when another one imports
it, and draws the page after the last. Chainlit has no setting for lines in the head: ``get_html_template`` (server.py).
"""

from functools import cache
from pathlib import Path
from typing import Any

from chainlit import server
from chainlit.config import public_dir

from .patch import patch


def install() -> None:
    patch(server, "get_html_template", _with_tags)


@cache
def tags(root_path: str) -> str:
    """The colours are the backgrounds of ``public/theme.json``."""
    modules = sorted(path.name for path in Path(public_dir, "page").glob("*.js"))
    links = "\n    ".join(f'<link rel="modulepreload" href="{root_path}/public/page/{name}" />' for name in modules)
    return f"""{links}
    <link rel="manifest" href="{root_path}/public/manifest.webmanifest" />
    <link rel="apple-touch-icon" href="{root_path}/public/icons/180.png" />
    <meta name="theme-color" media="(prefers-color-scheme: light)" content="#fcfaf8" />
    <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#161c1d" />
"""


def _with_tags(original: Any) -> Any:
    def get_html_template(root_path: str) -> str:
        page: str = original(root_path)
        return page.replace("</head>", f"  {tags(root_path.rstrip('/'))}  </head>", 1)

    return get_html_template

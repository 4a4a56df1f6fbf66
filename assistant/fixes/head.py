"""What Chainlit's page does not say in its head, which can be changed in no other way.

A phone that would install it needs a manifest and icons. And the modules of ``public/page/`` import each other: a
browser that is not told finds them one after the other, and draws the page after the last.
"""

from functools import cache
from pathlib import Path
from typing import Any

from chainlit import server
from chainlit.config import public_dir


def install() -> None:
    original = server.get_html_template
    if original.__module__ != __name__:  # `chainlit run -w` executes the app again
        server.get_html_template = _with_tags(original)


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

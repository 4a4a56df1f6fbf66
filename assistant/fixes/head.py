"""Chainlit's page says nothing to a phone that would install it, and its head can be changed in no other way."""

from typing import Any

from chainlit import server


def install() -> None:
    original = server.get_html_template
    if original.__module__ != __name__:  # `chainlit run -w` executes the app again
        server.get_html_template = _with_tags(original)


def tags(root_path: str) -> str:
    """The colours are the backgrounds of ``public/theme.json``."""
    return f"""<link rel="manifest" href="{root_path}/public/manifest.webmanifest" />
    <link rel="apple-touch-icon" href="{root_path}/public/icons/180.png" />
    <meta name="theme-color" media="(prefers-color-scheme: light)" content="#fcfaf8" />
    <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#161c1d" />
"""


def _with_tags(original: Any) -> Any:
    def get_html_template(root_path: str) -> str:
        page: str = original(root_path)
        return page.replace("</head>", f"  {tags(root_path.rstrip('/'))}  </head>", 1)

    return get_html_template

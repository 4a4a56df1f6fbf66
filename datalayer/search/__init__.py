"""Full text: what was said is found again. Texts are folded and cut in one place, for the index of any database.

What an app may use is named in ``__all__``.
"""

from importlib import import_module
from typing import Any

__all__ = ["bm25", "fusion", "postings", "query", "results", "snippets", "stems", "tokens"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f".{name}", __name__)

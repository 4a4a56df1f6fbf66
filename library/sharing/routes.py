"""The addresses of all this."""

from collections.abc import Callable, Iterator
from typing import Any

from datalayer import DataLayer

from ..address import PREFIX
from ..asking import Knows
from .links import EMBED, SHARE
from .own_pages import SHARES, OwnPages
from .reader import Reader


def routes(layer: DataLayer, storage: int | None, knows: Knows) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Path, method and what answers. ``storage``, ``knows``: as of ``mount``."""
    own, reader = OwnPages(layer), Reader(layer, storage, knows)
    yield PREFIX + SHARES, "GET", own.show
    yield PREFIX + SHARES, "POST", own.change
    for method in ("GET", "HEAD"):
        yield SHARE + "/{token}", method, reader.show
        yield SHARE + "/{token}/files/{element_id}", method, reader.file
        yield SHARE + "/{token}/continue", method, reader.ask
        yield EMBED + "/{token}", method, reader.embed
    yield SHARE + "/{token}", "POST", reader.unlock
    yield SHARE + "/{token}/continue", "POST", reader.go_on

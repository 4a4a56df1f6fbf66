"""The library page and the REST API for any Chainlit app: at ``/library`` its people find, read and put in order their
conversations, at ``/api/v1`` their programs do.

@cl.data_layer
def data_layer():
    layer = DataLayer("sqlite+aiosqlite:///threads.db", files="files/")
    library.mount(layer)
    return layer

``library.client`` asks the API of an app that runs elsewhere.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .routes import mount

__all__ = ["mount"]


def __getattr__(name: str) -> Any:
    """`python -m library` needs no Chainlit, which takes seconds to import."""
    if name != "mount":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .routes import mount

    return mount

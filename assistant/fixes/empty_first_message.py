"""A conversation that begins with files and no word is missing from the sidebar until the page is loaded again.

``ChainlitEmitter.init_thread`` (emitter.py) tells the page of a new conversation by the text of its first message, and
the page takes no note of one without. Here it is told "…".
"""

from functools import wraps
from typing import Any

from chainlit.emitter import ChainlitEmitter

from .patch import patch


def install() -> None:
    patch(ChainlitEmitter, "init_thread", _announced)


def _announced(original: Any) -> Any:
    @wraps(original)
    async def init_thread(emitter: ChainlitEmitter, interaction: str) -> None:
        await original(emitter, interaction or "…")

    return init_thread

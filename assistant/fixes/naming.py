"""Chainlit names a conversation after its first message, also when that is a command: emitter.py, process_message."""

from functools import wraps
from typing import Any

from chainlit.chat_context import chat_context
from chainlit.emitter import ChainlitEmitter

from ..turns.history import is_command


def install() -> None:
    if not hasattr(ChainlitEmitter.init_thread, "__wrapped__"):  # `chainlit run -w` executes the app again
        ChainlitEmitter.init_thread = _announced(ChainlitEmitter.init_thread)  # type: ignore[method-assign]
        ChainlitEmitter.flush_thread_queues = _named(ChainlitEmitter.flush_thread_queues)  # type: ignore[method-assign]


def _announced(original: Any) -> Any:
    """The page takes note of a new conversation only where there is a word to it."""

    @wraps(original)
    async def init_thread(emitter: ChainlitEmitter, interaction: str) -> None:
        await original(emitter, interaction or "…")

    return init_thread


def _named(original: Any) -> Any:
    @wraps(original)
    async def flush_thread_queues(emitter: ChainlitEmitter, interaction: str) -> None:
        first = next((message for message in chat_context.get() if message.type == "user_message"), None)
        names_it = first is not None and first.content and not is_command(first.metadata)
        await original(emitter, interaction if names_it else None)

    return flush_thread_queues

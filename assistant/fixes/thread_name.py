"""A conversation that begins with a command is called after the command.

``ChainlitEmitter.process_message`` (emitter.py) gives each new conversation the name of its first message, whatever
that is. Here it has no name until there is a question.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from chainlit.chat_context import chat_context
from chainlit.emitter import ChainlitEmitter
from chainlit.message import Message

from .patch import patch


def install(is_command: Callable[[Message], bool]) -> None:
    patch(ChainlitEmitter, "flush_thread_queues", partial(_named, is_command))


def _named(is_command: Callable[[Message], bool], original: Any) -> Any:
    @wraps(original)
    async def flush_thread_queues(emitter: ChainlitEmitter, interaction: str) -> None:
        first = next((message for message in chat_context.get() if message.type == "user_message"), None)
        names_it = first is not None and first.content and not is_command(first)
        await original(emitter, interaction if names_it else None)

    return flush_thread_queues

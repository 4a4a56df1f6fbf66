"""What Chainlit 2.12 gets wrong and offers no setting for. One function each; delete it when Chainlit has it right."""

import re
from typing import Any

from chainlit import server
from chainlit.config import config
from chainlit.context import init_ws_context
from chainlit.session import WebsocketSession

from .texts import language

MESSAGE_BYTES = 16 * 1024 * 1024
_FOREIGN_LINK = re.compile(r'<link\b[^>]*\bhref="https?://[^>]*>\s*')


def install() -> None:
    # engine.io drops the connection of a client that sends more than 1 MB, and with it the message that was pasted.
    server.sio.eio.max_http_buffer_size = MESSAGE_BYTES
    server.sio.on("stop", _stop)
    for name, better in (
        ("validate_file_upload", _refusing_empty),
        ("get_html_template", _without_foreign_links),
        ("get_markdown_str", _in_two_languages),
    ):
        original = getattr(server, name)
        if original.__module__ != __name__:  # `chainlit run -w` executes the app again
            setattr(server, name, better(original))


async def _stop(sid: str) -> None:
    """Chainlit adds "Task manually stopped." to the conversation, in English whatever the language: socket.py, stop."""
    session = WebsocketSession.get(sid)
    if session is None:
        return
    init_ws_context(session)
    if session.current_task:
        session.current_task.cancel()
    if config.code.on_stop:
        await config.code.on_stop()


def _refusing_empty(original: Any) -> Any:
    """An empty file fails deep inside Chainlit with "500 Internal Server Error": session.py, persist_file."""

    def validate_file_upload(file: Any, spec: Any = None) -> None:
        original(file, spec)
        if file.size == 0:
            raise ValueError("The file is empty")

    return validate_file_upload


def _without_foreign_links(original: Any) -> Any:
    """The page loads a stylesheet from a CDN and greets a font server: both would learn who chats here, and when."""

    def get_html_template(root_path: str) -> str:
        return _FOREIGN_LINK.sub("", original(root_path))

    return get_html_template


def _in_two_languages(original: Any) -> Any:
    """The welcome page is looked up by the exact tag only, so that fr-CA or fr would get English: markdown.py."""

    def get_markdown_str(root: str, tag: str) -> Any:
        return original(root, "fr-FR" if language(tag) == "fr" else "en-US")

    return get_markdown_str

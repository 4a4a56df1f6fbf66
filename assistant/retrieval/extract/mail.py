"""E-mail: who wrote to whom about what, what they wrote, and the names of what is attached, which is not opened."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import MIMEPart

from datalayer.passages import Place

from ..cutting import Block
from ..textfiles import decode
from . import markup, text
from .source import Source

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_MOST = 64 * 1024 * 1024
"""Bytes: what is attached is in the file."""
_NESTED = 5
"""Messages forwarded in each other."""


def read(source: Source) -> Iterator[Block]:
    content = source.beginning(_MOST + 1)
    source.cut = len(content) > _MOST
    message = message_from_bytes(content[:_MOST], policy=policy.default)
    assert isinstance(message, MIMEPart)
    yield from _message(message, Place(), 0)


def _message(message: MIMEPart, outer: Place, depth: int) -> Iterator[Block]:
    subject = " ".join(str(message.get("Subject", "")).split())
    place = Place(heading=(*outer.heading, *([subject] if subject else [])))
    for name in _HEADERS:
        if value := " ".join(str(message.get(name, "")).split()):
            yield Block(f"{name}: {value}", place, opens=False)
    body = message.get_body(("plain", "html"))
    if body is not None:
        yield from _body(body, place)
    yield from _attached(message, place, depth)


def _attached(message: MIMEPart, place: Place, depth: int) -> Iterator[Block]:
    for part in message.iter_attachments():
        if part.get_content_type() == "message/rfc822" and depth < _NESTED:
            for forwarded in part.iter_parts():
                yield from _message(forwarded, place, depth + 1)
        elif part.is_multipart() and depth < _NESTED:
            yield from _attached(part, place, depth + 1)
        elif name := part.get_filename():
            yield Block(f"📎 {name}", place, opens=False)
        elif part.get_content_maintype() == "text":
            yield from _body(part, place)


def _body(part: MIMEPart, place: Place) -> Iterator[Block]:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    charset = str(part.get_content_charset("utf-8"))
    try:
        said = content.decode(charset)
    except (LookupError, UnicodeDecodeError):
        said = decode(content) or ""
    if part.get_content_subtype() == "html":
        yield from markup.blocks(said.encode(errors="replace"), place)
        return
    for block in text.blocks(said):
        yield block._replace(place=place)

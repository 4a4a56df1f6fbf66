"""Messages of Outlook (MSG), by olefile: as e-mail is read. What is attached is named, not opened.

What its streams are called is told by Microsoft, [MS-OXMSG] and [MS-OXPROPS].
"""

from collections.abc import Iterator

from olefile import OleFileIO

from datalayer.passages import Place

from ..cutting import Block
from ..textfiles import decode
from . import markup, text
from .source import Source

_HEADERS = (("From", ("0C1A", "5D01", "0C1F")), ("To", ("0E04",)), ("Cc", ("0E03",)), ("Subject", ("0037",)))
_ATTACHED = "__attach_version1.0_"
_ATTACHMENTS = 1000


def read(source: Source) -> Iterator[Block]:
    with OleFileIO(source.path) as message:
        subject = " ".join(_text(message, "0037").split())
        place = Place(heading=(subject,) if subject else ())
        for name, properties in _HEADERS:
            said = (" ".join(_text(message, each).split()) for each in properties)
            if value := ", ".join(dict.fromkeys(filter(None, said))):
                yield Block(f"{name}: {value}", place, opens=False)
        yield from _body(message, place)
        yield from _names(message, place)


def _body(message: OleFileIO, place: Place) -> Iterator[Block]:
    if said := _text(message, "1000"):
        for block in text.blocks(said):
            yield block._replace(place=place)
    elif page := _bytes(message, "10130102") or _text(message, "1013").encode(errors="replace"):
        yield from markup.blocks(page, place)


def _names(message: OleFileIO, place: Place) -> Iterator[Block]:
    folders = dict.fromkeys(path[0] for path in message.listdir() if path[0].startswith(_ATTACHED))
    for folder in list(folders)[:_ATTACHMENTS]:
        if name := _text(message, "3707", f"{folder}/") or _text(message, "3704", f"{folder}/"):
            yield Block(f"📎 {' '.join(name.split())}", place, opens=False)


def _text(message: OleFileIO, of: str, within: str = "") -> str:
    """A property in either of its forms, "": it has none."""
    if wide := _bytes(message, f"{of}001F", within):
        return wide.decode("utf-16-le", errors="replace").rstrip("\0")
    return (decode(_bytes(message, f"{of}001E", within)) or "").rstrip("\0")


def _bytes(message: OleFileIO, of: str, within: str = "") -> bytes:
    name = f"{within}__substg1.0_{of}"
    if not message.exists(name):
        return b""
    with message.openstream(name) as stream:
        return bytes(stream.read())

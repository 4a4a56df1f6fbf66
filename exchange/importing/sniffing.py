"""What a file is, by how it begins: exports name files wrongly, or ``.dat``."""

import mimetypes

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"M4A ": "audio/mp4", b"qt  ": "video/quicktime"}
_NOTHING = (None, "", "application/octet-stream", "binary/octet-stream")
_ENDINGS = {"image/jpeg": ".jpg", "image/webp": ".webp", "audio/mpeg": ".mp3", "audio/wav": ".wav"}
_EMPTY = ("dat", "bin", "")
_SHORT = 2
"""Bytes of a start that many texts have, too."""


def sniffed(start: bytes) -> str | None:
    """The MIME type of what begins like this; None: it may be anything."""
    if start[:4] == b"RIFF":
        return _RIFF.get(start[8:12])
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12], "video/mp4")
    return next((mime for magic, mime in _STARTS if start.startswith(magic) and _is_sure(magic, start)), None)


def _is_sure(magic: bytes, start: bytes) -> bool:
    return len(magic) > _SHORT or b"\0" in start[:40]


def mime_of(start: bytes, name: str, said: str | None) -> str | None:
    """What the content says, else what is ``said``, else what the name does; None: nothing does."""
    if found := sniffed(start):
        return found
    return said if said not in _NOTHING else mimetypes.guess_type(name)[0]


def named(name: str, mime: str | None) -> str:
    """``name`` with an ending that says what the file is, where its own says nothing."""
    stem, dot, ending = name.rpartition(".")
    known = (_ENDINGS.get(mime) or mimetypes.guess_extension(mime)) if mime else None
    if not known or (dot and stem and ending.lower() not in _EMPTY):
        return name
    return (stem if dot and stem else name) + known

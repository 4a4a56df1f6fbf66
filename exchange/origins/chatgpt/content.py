"""What a message of ChatGPT's says, whichever kind of content it has."""

from dataclasses import dataclass, field
from typing import Any

from ..base import File
from ..values import fits, line, listed, mapping, text
from .assets import Assets
from .citations import readable

_POINTERS = ("audio_asset_pointer", "video_container_asset_pointer", "image_asset_pointer")
_LANGUAGES = ("unknown", "")


@dataclass(slots=True)
class Content:
    kind: str
    text: str = ""
    """As Markdown."""
    plain: str = ""
    """As it stands there."""
    files: list[File] = field(default_factory=list)
    pictures: bool = False
    """Whether pictures are what it says."""
    rest: dict[str, Any] = field(default_factory=dict)
    """What has no place."""
    marks: list[str] = field(default_factory=list)
    """Of sources that the export does not have."""
    unknown: str | None = None
    """The kind of a part that nobody knows."""

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or self.plain.strip() or self.files)


def content_of(message: dict[str, Any], assets: Assets) -> Content:
    given, metadata = _given(message.get("content")), mapping(message.get("metadata"))
    kind = text(given.get("content_type")) or "text"
    found = Content(kind)
    attached = {
        key: each for each in map(mapping, listed(metadata.get("attachments"))) if (key := line(each.get("id")))
    }
    _Parts(found, assets, attached).read(given)
    for key, each in attached.items():
        if key not in {file.key for file in found.files}:
            size = {name: each.get(name) for name in ("size", "width", "height")}
            file = assets.file(key, each.get("name"), each.get("mime_type") or each.get("mimeType"), **size)
            found.files += [file] if file else []
    found.plain = found.plain or found.text
    found.text, found.marks = readable(found.text, metadata)
    return found


def _given(content: object) -> dict[str, Any]:
    """Also where it is a text or a list alone."""
    return content if isinstance(content, dict) else {"parts": content} if content is not None else {}


class _Parts:
    def __init__(self, into: Content, assets: Assets, attached: dict[str, dict[str, Any]]) -> None:
        self._into, self._assets, self._attached = into, assets, attached

    def read(self, given: dict[str, Any]) -> None:
        into, kind = self._into, self._into.kind
        into.text = "\n\n".join(filter(None, self._texts(given)))
        if into.text or into.files or kind in ("text", "multimodal_text"):
            return
        left = {key: each for key, each in given.items() if key != "content_type" and each not in (None, "", [], {})}
        if left and kind not in _READERS:
            into.unknown = kind[:50]
            into.rest = left if fits(left) else {}

    def _texts(self, given: dict[str, Any]) -> list[str]:
        kind = self._into.kind
        if kind == "code":
            self._into.plain = text(given.get("text"))
            language = text(given.get("language"))
            return [fenced(self._into.plain, "" if language in _LANGUAGES else language)]
        if kind in _READERS:
            return _READERS[kind](given)
        parts = given.get("parts")
        found = [self._part(part) for part in (parts if isinstance(parts, list) else [parts])]
        return found if any(found) else [text(given.get("text")) or text(given.get("result"))]

    def _part(self, part: object) -> str:
        if isinstance(part, str):
            return part
        of = mapping(part)
        if part is not None and not isinstance(part, dict):
            self._unknown(part, type(part).__name__)
            return ""
        kind = text(of.get("content_type"))
        if kind == "image_asset_pointer":
            self._file(of, of.get("asset_pointer"), picture=True)
        elif kind == "real_time_user_audio_video_asset_pointer":
            for name in _POINTERS:
                inner = of.get(name)
                self._file(mapping(inner), mapping(inner).get("asset_pointer") or inner)
            for frame in listed(of.get("frames_asset_pointers")):
                self._file({}, frame)
        elif of.get("asset_pointer"):
            self._file(of, of["asset_pointer"])
        elif of and kind != "audio_transcription" and "text" not in of:
            self._unknown(of, kind[:50] or "?")
        return text(of.get("text"))

    def _unknown(self, part: object, kind: str) -> None:
        self._into.unknown = kind
        self._into.rest.setdefault("parts", []).extend([part] if fits(part) else [])

    def _file(self, of: dict[str, Any], pointer: object, picture: bool = False) -> None:
        plain = self._assets.file(pointer)
        if plain is None:
            return
        attached = self._attached.get(plain.key, {})
        dalle = mapping(mapping(of.get("metadata")).get("dalle"))
        about = {name: of.get(name) for name in ("size_bytes", "width", "height", "format")}
        file = self._assets.file(
            pointer, attached.get("name"), attached.get("mime_type"), **about, prompt=dalle.get("prompt")
        )
        if file is not None and file.key not in {each.key for each in self._into.files}:
            self._into.files.append(file)
            self._into.pictures |= picture


def fenced(content: str, language: str = "") -> str:
    """``content`` as a block of code, whichever marks are in it."""
    longest, run = 2, 0
    for character in content:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    fence = "`" * (longest + 1)
    language = "".join(c for c in language if c.isalnum() or c in "+-#._")[:30]
    return f"{fence}{language}\n{content}\n{fence}" if content else ""


def _thoughts(of: dict[str, Any]) -> list[str]:
    found = []
    for each in map(mapping, listed(of.get("thoughts"))):
        summary, content = text(each.get("summary")), text(each.get("content"))
        found.append("\n\n".join(filter(None, [f"**{summary.strip()}**" if summary.strip() else "", content])))
    return found


def _page(of: dict[str, Any]) -> list[str]:
    return [text(of.get("title")), text(of.get("url")), text(of.get("text"))]


def _instructions(of: dict[str, Any]) -> list[str]:
    return [text(of.get(name)) for name in ("user_profile", "user_instructions", "model_set_context")]


_READERS = {
    "execution_output": lambda of: [fenced(text(of.get("text")))],
    "tether_quote": _page,
    "sonic_webpage": _page,
    "tether_browsing_display": lambda of: [text(of.get("result")), text(of.get("summary"))],
    "system_error": lambda of: [": ".join(filter(None, [text(of.get("name")), text(of.get("text"))]))],
    "thoughts": _thoughts,
    "reasoning_recap": lambda of: [text(of.get("content"))],
    "user_editable_context": _instructions,
    "model_editable_context": _instructions,
}

"""The content of a message as models and their libraries write it: text, or a list of parts of many kinds.

OpenAI's chat and responses, Anthropic's blocks and LangChain's are one language with dialects, so it is read in one
place. A part that is not known is kept as metadata, and told.
"""

import base64
import binascii
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .base import File, Problem
from .places import Place
from .reasons import Why
from .values import LARGEST_FILE, data_url, fits, identifier, line, listed, mapping, text, texts


@dataclass(slots=True)
class Call:
    """That a tool is called, or what came of it."""

    id: str | None
    name: str | None
    input: str = ""
    output: str | None = None
    """None: it is only called."""
    failed: bool = False


@dataclass(slots=True)
class Content:
    place: Place
    texts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    other: list[Any] = field(default_factory=list)
    """Parts that have no other place."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n\n".join(each for each in self.texts if each)

    def tell(self, why: Why) -> None:
        self.problems.append(Problem(self.place, why, lost=False))

    def add(self, part: Any) -> None:
        if isinstance(part, str):
            self.texts.append(part)
        elif isinstance(part, dict):
            known = _KINDS.get(text(part.get("type")).removesuffix("_chunk"))
            if known is not None:
                known(self, part)
            elif "type" not in part and text(part.get("text")):
                self.texts.append(part["text"])
            else:
                self.keep(part)
        elif part is not None:
            self.keep(part)

    def keep(self, part: Any) -> None:
        if kept := fits(part):
            self.other.append(part)
        self.tell(of_part(part.get("type") if isinstance(part, dict) else type(part).__name__, kept))

    def file(self, address: Any, name: Any, mime: Any = None, kind: str = "file") -> None:
        """``address``: a data: URL, that of a server, or base64 alone."""
        number = len(self.files) + 1
        found = data_url(address)
        content = (found[1] or None) if found else None
        known = line(mime) or (found[0] if found else None)
        link = text(address) if text(address)[:8].lower().startswith(("http://", "https://")) else None
        if content is None and link is None and text(address):
            content = _decoded(text(address))
        called = line(name) or f"{kind}-{number}{_ENDINGS.get(known or '', '')}"
        if content is None:
            self.tell(Why("files_by_name"))
        self.files.append(File(str(number), called, known, content=content, metadata={"url": link} if link else {}))


def of_part(kind: object, kept: bool) -> Why:
    """What is told of a part that is not known."""
    return Why("part_kept" if kept else "part_large", kind=(line(kind) or "?")[:50])


def content_of(value: Any, place: Place) -> Content:
    found = Content(place)
    for part in value if isinstance(value, list) else [value]:
        found.add(part)
    return found


def as_text(value: Any) -> str:
    """What a tool was given, or gave: text as it is, texts of parts, else as JSON."""
    if isinstance(value, str) or value is None:
        return value or ""
    if isinstance(value, list) and value and all(isinstance(part, dict) and text(part.get("text")) for part in value):
        return "\n\n".join(texts(value))
    with suppress(ValueError, TypeError, RecursionError):
        return json.dumps(value, ensure_ascii=False)
    return ""


def _decoded(value: str) -> bytes | None:
    if len(value) > LARGEST_FILE * 4 // 3 + 4:
        return None
    with suppress(binascii.Error, ValueError):
        return base64.b64decode(value, validate=True)
    return None


def _text(of: Content, part: dict[str, Any]) -> None:
    value = part.get("text")
    of.texts.append(text(value.get("value") if isinstance(value, dict) else value))


def _refusal(of: Content, part: dict[str, Any]) -> None:
    of.texts.append(text(part.get("refusal")))


def _reasoning(of: Content, part: dict[str, Any]) -> None:
    told = [text(part.get(key)) for key in ("thinking", "reasoning", "think", "text")]
    told += [*texts(part.get("summary")), *texts(part.get("content"))]
    of.reasoning += [each for each in dict.fromkeys(told) if each]


def _address(part: dict[str, Any], *keys: str) -> Any:
    """The first that there is, of a part or of what is in it."""
    inner = [part, *(mapping(part.get(key)) for key in ("image_url", "source", "file", "input_audio", "audio"))]
    found = (one.get(key) for one in inner for key in keys if isinstance(one.get(key), str) and one.get(key))
    return next(found, None)


def _image(of: Content, part: dict[str, Any]) -> None:
    address = _address(part, "url", "image_url", "data", "base64", "image")
    mime = _address(part, "media_type", "mime_type")
    of.file(address, _address(part, "filename", "file_id"), mime, "image")


def _audio(of: Content, part: dict[str, Any]) -> None:
    kind = _address(part, "format")
    of.file(_address(part, "data", "base64", "url"), None, f"audio/{kind}" if kind else None, "audio")
    if said := _address(part, "transcript"):
        of.texts.append(said)


def _file(of: Content, part: dict[str, Any]) -> None:
    name = _address(part, "filename", "name", "title", "file_id", "id")
    of.file(_address(part, "file_data", "data", "base64", "file_url", "url"), name, _address(part, "mime_type"))


def _call(of: Content, part: dict[str, Any]) -> None:
    of.calls.append(call_of(part))


def _result(of: Content, part: dict[str, Any]) -> None:
    inner = content_of(part.get("content"), of.place)
    of.files += inner.files
    of.problems += inner.problems
    name = line(part.get("name"))
    id = identifier(part.get("tool_use_id") or part.get("tool_call_id"))
    output = inner.text or as_text(inner.other or None)
    of.calls.append(Call(id, name, output=output, failed=part.get("is_error") is True))


def call_of(part: dict[str, Any]) -> Call:
    """Of a call as any of them writes it."""
    inner = mapping(part.get("function")) or mapping(part.get("tool_call")) or part
    given = next((inner[key] for key in ("arguments", "args", "input") if inner.get(key) is not None), None)
    id = identifier(part.get("call_id")) or identifier(part.get("id"))
    return Call(id, line(inner.get("name")), as_text(given))


def calls_of(value: Any) -> list[Call]:
    return [call_of(each) for each in listed(value) if isinstance(each, dict)]


def _nothing(of: Content, part: dict[str, Any]) -> None:
    """What a model was told of its own, encrypted or as a mark."""


_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "audio/wav": ".wav"}
_KINDS: dict[str, Callable[[Content, dict[str, Any]], None]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text", "text-plain"), _text),
    "refusal": _refusal,
    **dict.fromkeys(("thinking", "reasoning", "reasoning_content", "reasoning_text", "think"), _reasoning),
    **dict.fromkeys(("image_url", "input_image", "image", "image_file"), _image),
    **dict.fromkeys(("input_audio", "audio"), _audio),
    **dict.fromkeys(("file", "input_file", "document", "video"), _file),
    **dict.fromkeys(("tool_use", "tool_call", "function_call", "server_tool_use", "server_tool_call"), _call),
    **dict.fromkeys(("tool_result", "server_tool_result"), _result),
    "redacted_thinking": _nothing,
    "cache_point": _nothing,
}

"""LibreChat's export of a conversation: its messages as a list with parents, or one in the other.

Nothing says which branch was shown. LibreChat's page shows the last of several versions, and so does this.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from ..base import Conversation, File, Item, Problem, Read, Said, Source, SpokenBy
from ..content import of_part
from ..each import each
from ..looking import is_json, place_of
from ..places import Place
from ..reasons import Why
from ..tree import Tree
from ..values import digest, fits, identifier, line, listed, mapping, moment, plain, rest, text, written
from .nested import parsed

_ROOT = "00000000-0000-0000-0000-000000000000"
_OF_CONVERSATION = {"conversationId", "title", "exportAt", "branches", "recursive", "messages", "messagesTree"}
_OF_MESSAGE = {
    *("messageId", "parentMessageId", "conversationId", "isCreatedByUser", "sender", "text", "content", "children"),
    *("model", "createdAt", "updatedAt", "files", "feedback", "error", "__v", "_id", "user"),
}
_LOOKED_AT = 30
_LARGEST = 100_000_000
"""Bytes of a conversation that is nested deeper than usual."""
_THOUGHT = re.compile(r"\A\s*:::thinking\n(.*?)\n:::\s*", re.DOTALL)


class LibreChat:
    name, title = "librechat", "LibreChat"

    def recognises(self, source: Source) -> bool:
        return any(True for _ in _members(source))

    def read(self, source: Source) -> Iterator[Read]:
        for member in list(_members(source)):
            yield from each(_items(source, member), lambda item: [_conversation(item)])


def _members(source: Source) -> Iterator[str]:
    for member in source.members:
        if is_json(source.start(member)):
            some = islice(_items(source, member), _LOOKED_AT)
            if any(isinstance(item, Item) and _is_conversation(item.value) for item in some):
                yield member


def _items(source: Source, member: str) -> Iterator[Item | Problem]:
    """Of a file that can only be read as deep as it is nested, what is in it."""
    for item in source.items(member):
        if isinstance(item, Problem) and item.lost and (deep := _deep(source, member)) is not None:
            yield deep
            return
        yield item


def _deep(source: Source, member: str) -> Item | None:
    start = source.start(member)
    if b'"messageId"' not in start or start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return None
    with suppress(OSError, KeyError, ValueError), source.open(member) as file:
        content = file.read(_LARGEST + 1)
        return Item(Place(member), parsed(content.decode("utf-8-sig", "replace"))) if len(content) <= _LARGEST else None
    return None


def _is_conversation(value: object) -> bool:
    found = mapping(value)
    if "mapping" in found or "chat_messages" in found:
        return False
    messages = _messages(found)
    known = any("messageId" in mapping(each) or "isCreatedByUser" in mapping(each) for each in (messages or [])[:20])
    return messages is not None and (known or ("conversationId" in found and "endpoint" in found))


def _messages(value: dict[str, Any]) -> list[Any] | None:
    given = [value[key] for key in ("messages", "messagesTree") if isinstance(value.get(key), list)]
    return max(given, key=len, default=None)


def _conversation(item: Item) -> Read:
    value = mapping(item.value)
    place = place_of(item, value.get("title"))
    messages = _messages(value)
    if messages is None:
        return Problem(place, Why("no_messages"))
    tree = Tree(place)
    last = _grow(tree, messages)
    if not tree:
        return Problem(place, Why("nothing_said"))
    said = tree.said()
    metadata, large = rest(value, _OF_CONVERSATION, place)
    return Conversation(
        key=identifier(value.get("conversationId")) or digest(value.get("title"), said[0].key),
        place=place,
        said=said,
        tip=tree.end(last.tip()),
        title=line(value.get("title")),
        model=line(mapping(value.get("options")).get("model")),
        tags=[tag for tag in map(line, listed(value.get("tags"))) if tag],
        metadata=metadata,
        problems=[*tree.problems, *large],
    )


class _Last:
    """The last of the versions of each message."""

    def __init__(self) -> None:
        self._below: dict[str | None, str] = {}
        self._ids: dict[str, str | None] = {}

    def add(self, id: str, parent: str | None) -> None:
        self._ids.setdefault(id, parent)

    def tip(self) -> str | None:
        for id, parent in self._ids.items():
            self._below[parent if parent in self._ids else None] = id
        at, seen = self._below.get(None), set[str]()
        while at is not None and at in self._below and at not in seen:
            seen.add(at)
            at = self._below[at]
        return at


def _grow(tree: Tree, messages: list[Any]) -> _Last:
    """Without calling itself: they may be nested as deep as the conversation is long."""
    last = _Last()
    waiting: list[tuple[Any, str | None]] = [(each, None) for each in reversed(messages)]
    while waiting:
        message, above = waiting.pop()
        if not isinstance(message, dict):
            tree.tell(Why("message_unreadable"))
            continue
        parent = above or identifier(message.get("parentMessageId"))
        parent = None if parent == _ROOT else parent
        id = tree.add(message.get("messageId"), parent, *_Message(tree, message).said())
        last.add(id, parent)
        waiting += [(each, id) for each in reversed(listed(message.get("children")))]
    return last


class _Message:
    def __init__(self, tree: Tree, message: dict[str, Any]) -> None:
        self._tree, self._message, self._at = tree, message, moment(message.get("createdAt"))
        self._texts: list[str] = []
        self._errors: list[str] = []
        self._before: list[Said] = []
        self._files: list[File] = []
        self._other: list[Any] = []
        content = message.get("content")
        for part in content if isinstance(content, list) else [content] if content else []:
            self._part(part)
        if not self._texts:
            self._plain(text(message.get("text")))

    def _plain(self, words: str) -> None:
        """Of messages without parts; old ones have in it what was thought."""
        if found := _THOUGHT.match(words):
            self._thought(found[1])
            words = words[found.end() :]
        self._texts.append(words)

    def said(self) -> list[Said]:
        message, by = self._message, self._by()
        self._name_files()
        words = "\n\n".join(each for each in self._texts if each.strip())
        failed = message.get("error") is True or bool(self._errors and not words)
        words = words or "\n\n".join(self._errors)
        if not (words or self._files or self._other or failed):
            return self._before
        model = line(message.get("model")) if by == "assistant" else None
        made = Said("", by, words, at=self._at, model=model, failed=failed, files=self._files)
        made.name = line(message.get("sender")) if by == "assistant" else None
        made.vote, made.comment = _vote(message)
        made.metadata, large = rest(message, _OF_MESSAGE, self._tree.place)
        made.metadata |= {"content": self._other} if self._other else {}
        self._tree.problems += large
        return [*self._before, made]

    def _by(self) -> SpokenBy:
        mine = self._message.get("isCreatedByUser")
        if not isinstance(mine, bool):
            mine = text(self._message.get("sender")).lower() == "user"
            self._tree.tell(Why("sender_assumed"))
        return "user" if mine else "assistant"

    def _part(self, part: object) -> None:
        found = mapping(part)
        kind = found.get("type")
        if isinstance(part, str) or kind == "text":
            self._texts.append(plain(part))
        elif kind in ("think", "reasoning"):
            self._thought(text(found.get("think")) or plain(found))
        elif kind == "tool_call":
            self._call(mapping(found.get("tool_call")))
        elif kind == "error":
            self._errors.append(text(found.get("error")) or plain(found) or "Error")
        elif kind == "image_file":
            self._file(mapping(found.get("image_file")))
        elif part is not None:
            self._keep(part, kind)

    def _keep(self, part: object, kind: object) -> None:
        if kept := fits(part):
            self._other.append(part)
        self._tree.tell(of_part(kind, kept))

    def _thought(self, words: str) -> None:
        if words.strip():
            self._before.append(Said("", "assistant", words, at=self._at, aside="reasoning"))

    def _call(self, call: dict[str, Any]) -> None:
        inner = mapping(call.get("function")) or call
        given, gave = inner.get("args", inner.get("arguments")), inner.get("output", call.get("output"))
        made = Said("", "tool", plain(gave) or written(gave), at=self._at, name=line(inner.get("name")), aside="tool")
        made.input = written(given)
        self._before.append(made)

    def _file(self, file: dict[str, Any]) -> None:
        name = line(file.get("filename")) or line(file.get("filepath"))
        key = identifier(file.get("file_id")) or name or f"file-{len(self._files) + 1}"
        if all(one.key != key for one in self._files):
            self._files.append(File(key, (name or key).rpartition("/")[2] or key, line(file.get("type"))))

    def _name_files(self) -> None:
        for one in listed(self._message.get("files"))[:1_000]:
            self._file(mapping(one))
        if self._files:
            self._tree.tell(Why("files_by_name"))


def _vote(message: dict[str, Any]) -> tuple[int | None, str | None]:
    given = mapping(message.get("feedback"))
    vote = {"thumbsup": 1, "thumbsdown": 0}.get(text(given.get("rating")).lower())
    return vote, text(given.get("text")).strip() or None

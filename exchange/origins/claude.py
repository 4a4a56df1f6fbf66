"""Claude's export: ``conversations.json`` with what was said, beside it people and projects by their ids.

What was said is in ``content``. ``text`` is a rendering of it that holds what was thought, and a sentence in place of
each call of a tool: it counts only where there is no ``content``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .base import Conversation, File, Item, Problem, Read, Said, Source, SpokenBy
from .content import of_part
from .each import each
from .looking import first, holding, is_json, place_of
from .places import Place
from .reasons import Why
from .sessions import is_session
from .tree import Tree
from .values import digest, fits, identifier, line, listed, mapping, moment, plain, rest, text, written

_ROOT = "00000000-0000-4000-8000-000000000000"
_SENDERS: dict[str, SpokenBy] = {"human": "user", "user": "user", "assistant": "assistant"}
_OF_CONVERSATION = {"uuid", "name", "created_at", "updated_at", "chat_messages", "messages"}
_OF_MESSAGE = {
    *("uuid", "sender", "text", "content", "created_at", "attachments", "files", "files_v2", "parent_message_uuid"),
    *("updated_at", "index"),
}
_PASTED = "pasted text.txt"
_DOCUMENTS = (".pdf", ".doc", ".docx", ".ppt", ".pptx", ".xls", ".xlsx", ".odt", ".ods", ".odp", ".rtf", ".epub")
"""Of these the export has the words, and not the file."""


@dataclass(slots=True)
class _Names:
    """What else the export names by ids."""

    people: dict[str, str] = field(default_factory=dict)
    projects: dict[str, str] = field(default_factory=dict)


class Claude:
    name, title = "claude", "Claude"

    def recognises(self, source: Source) -> bool:
        return any(True for _ in holding(source, _is_conversation, "conversations"))

    def read(self, source: Source) -> Iterator[Read]:
        members = list(holding(source, _is_conversation, "conversations"))
        names = _Names()
        for member in source.members:
            if member not in members and is_json(source.start(member)):
                yield from _look(source, member, names)
        for member in members:
            yield from each(source.items(member, "conversations"), lambda item: [_conversation(item, names)])


def _is_conversation(value: object) -> bool:
    found = mapping(value)
    if "mapping" in found or "chat" in found or "conversationId" in found or is_session(value):
        return False
    if isinstance(found.get("chat_messages"), list):
        return True
    old = [mapping(message) for message in listed(found.get("messages"))[:20]]
    return "uuid" in found and any("uuid" in message and text(message.get("sender")) in _SENDERS for message in old)


def _look(source: Source, member: str, names: _Names) -> Iterator[Problem]:
    """At a file beside the conversations."""
    if not any(_is_named(item.value) for item in first(source, member)):
        return
    without = False
    for item in source.items(member):
        found = mapping(item.value) if isinstance(item, Item) else {}
        id = identifier(found.get("uuid"))
        if id and "full_name" in found:
            names.people[id] = line(found.get("email_address")) or line(found.get("full_name")) or id
        elif id and line(found.get("name")):
            names.projects[id] = line(found.get("name")) or id
            without |= bool(listed(found.get("docs")) or found.get("prompt_template"))
    if without:
        yield Problem(Place(member), Why("projects_by_name"), lost=False)


def _is_named(value: object) -> bool:
    found = mapping(value)
    return "uuid" in found and ("full_name" in found or ("name" in found and "docs" in found))


def _conversation(item: Item, names: _Names) -> Read:
    value = mapping(item.value)
    place = place_of(item, value.get("name"))
    messages = value.get("chat_messages", value.get("messages"))
    if not isinstance(messages, list):
        return Problem(place, Why("no_messages"))
    tree = Tree(place)
    _grow(tree, [message for message in messages if isinstance(message, dict)])
    if not all(isinstance(message, dict) for message in messages):
        tree.tell(Why("message_unreadable"))
    if not tree:
        return Problem(place, Why("nothing_said"))
    said = tree.said(by_time=True)
    metadata, large = rest(value, _OF_CONVERSATION, place)
    return Conversation(
        key=identifier(value.get("uuid")) or digest(value.get("created_at"), said[0].key),
        place=place,
        said=said,
        tip=tree.end(value.get("current_leaf_message_uuid")),
        title=line(value.get("name")),
        created_at=moment(value.get("created_at")),
        updated_at=moment(value.get("updated_at")),
        author=_author(value, names),
        model=line(value.get("model")),
        folder=_project(value, names),
        pinned=value.get("is_starred") is True,
        metadata=metadata,
        problems=[*tree.problems, *large],
    )


def _author(value: dict[str, Any], names: _Names) -> str | None:
    """None: the export is one person's."""
    id = identifier(mapping(value.get("account")).get("uuid"))
    return names.people.get(id, id) if id and len(names.people) > 1 else None


def _project(value: dict[str, Any], names: _Names) -> str | None:
    project = mapping(value.get("project"))
    id = identifier(project.get("uuid")) or identifier(value.get("project_uuid"))
    return line(project.get("name")) or names.projects.get(id or "")


def _grow(tree: Tree, messages: list[dict[str, Any]]) -> None:
    """Messages of old exports, which name no parents, follow each other."""
    before: str | None = None
    spoke: SpokenBy = "assistant"
    for message in messages:
        blocks = _Blocks(tree, message)
        spoke = _SENDERS.get(text(message.get("sender"))) or blocks.speaker(spoke)
        parent = message.get("parent_message_uuid")
        follows = before if parent is None else None if parent == _ROOT else parent
        before = tree.add(message.get("uuid"), follows, *blocks.said(spoke))


class _Blocks:
    """The content of a message."""

    def __init__(self, tree: Tree, message: dict[str, Any]) -> None:
        self._tree, self._message, self._at = tree, message, moment(message.get("created_at"))
        self._texts: list[str] = []
        self._before: list[Said] = []
        self._calls: dict[str, Said] = {}
        self._other: list[Any] = []
        self._citations: list[Any] = []
        content = message.get("content")
        for block in content if isinstance(content, list) else [content]:
            self._add(block)
        if not (any(self._texts) or self._before or self._other):
            self._texts.append(text(message.get("text")))

    def speaker(self, before: SpokenBy) -> SpokenBy:
        """Who has written it, where it does not say so."""
        self._tree.tell(Why("sender_assumed"))
        return "assistant" if self._before or before == "user" else "user"

    def said(self, by: SpokenBy) -> list[Said]:
        files = _files(self._tree, self._message)
        metadata, large = rest(self._message, _OF_MESSAGE, self._tree.place)
        self._tree.problems += large
        metadata |= {"blocks": self._other} if self._other else {}
        metadata |= {"citations": self._citations} if self._citations else {}
        words = "\n\n".join(each for each in self._texts if each.strip())
        if not (words or files or self._other):
            return self._before
        return [*self._before, Said("", by, words, at=self._at, files=files, metadata=metadata)]

    def _add(self, block: object) -> None:
        found = mapping(block)
        kind = found.get("type")
        if isinstance(block, str):
            self._texts.append(block)
        elif kind == "text":
            self._texts.append(plain(found))
            self._citations += [one for one in listed(found.get("citations"))[:100] if fits(one)]
        elif kind == "thinking":
            thought = text(found.get("thinking")) or _summaries(found)
            if thought.strip():
                self._before.append(Said("", "assistant", thought, at=self._time(found), aside="reasoning"))
        elif kind in ("tool_use", "server_tool_use"):
            self._call(found)
        elif kind in ("tool_result", "web_search_tool_result"):
            self._result(found)
        elif block is not None and kind != "token_budget":
            self._keep(block, kind)

    def _time(self, block: dict[str, Any]) -> int | None:
        return moment(block.get("start_timestamp")) or self._at

    def _call(self, block: dict[str, Any]) -> None:
        made = Said("", "tool", "", at=self._time(block), name=line(block.get("name")), aside="tool")
        made.input = written(block.get("input"))
        self._before.append(made)
        if id := identifier(block.get("id")):
            self._calls[id] = made

    def _result(self, block: dict[str, Any]) -> None:
        made = self._calls.pop(identifier(block.get("tool_use_id")) or "", None)
        if made is None:
            made = Said("", "tool", "", at=self._time(block), name=line(block.get("name")), aside="tool")
            self._before.append(made)
        content = block.get("content")
        made.text = plain(content) or (written(content) if content else "")
        made.failed = block.get("is_error") is True

    def _keep(self, block: object, kind: object) -> None:
        if kept := fits(block):
            self._other.append(block)
        self._tree.tell(of_part(kind, kept))


def _summaries(block: dict[str, Any]) -> str:
    return "\n\n".join(filter(None, (text(mapping(one).get("summary")) for one in listed(block.get("summaries")))))


def _files(tree: Tree, message: dict[str, Any]) -> list[File]:
    """A long paste, whose words are in the export, and files, whose contents are not."""
    found: dict[str, File] = {}
    for number, one in enumerate(map(mapping, listed(message.get("attachments"))), 1):
        key = identifier(one.get("id")) or f"attachment-{number}"
        name, words = line(one.get("file_name")) or _PASTED, one.get("extracted_content")
        if isinstance(words, str):
            name += ".txt" if name.lower().endswith(_DOCUMENTS) else ""
            found[key] = File(key, name, "text/plain", content=words.encode(errors="replace"))
        else:
            found[key] = File(key, name)
    for one in map(mapping, [*listed(message.get("files")), *listed(message.get("files_v2"))]):
        if called := line(one.get("file_name")):
            key = identifier(one.get("file_uuid")) or called
            found.setdefault(key, File(key, called))
    if any(file.content is None for file in found.values()):
        tree.tell(Why("files_by_name"))
    return list(found.values())

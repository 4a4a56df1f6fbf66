"""Open WebUI's export: an array of conversations, each a tree of messages by their ids.

Conversations of old versions are what is at ``chat`` today; in the oldest the messages are a list and no tree.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from ..base import Conversation, File, Item, Problem, Read, Said, Source, SpokenBy
from ..each import each
from ..looking import holding, place_of, several
from ..places import Place
from ..reasons import Why
from ..tree import Tree
from ..values import data_url, digest, flag, identifier, line, listed, mapping, moment, plain, rest, text
from .details import parted
from .outputs import Output

_ROLES: dict[str, SpokenBy] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}
_OF_ITEM = {
    *("id", "title", "chat", "created_at", "updated_at", "archived", "pinned", "current_message_id", "folder_id"),
    *("user_id", "history", "messages", "timestamp", "tags", "models"),
}
_OF_CHAT = {"id", "title", "history", "messages", "tags", "timestamp", "currentId"}
_OF_MESSAGE = {
    *("id", "parentId", "childrenIds", "role", "content", "timestamp", "model", "modelName", "files", "output", "done"),
    "modelIdx",
}


class OpenWebUI:
    name, title = "openwebui", "Open WebUI"

    def recognises(self, source: Source) -> bool:
        return any(True for _ in holding(source, is_conversation, "chats"))

    def read(self, source: Source) -> Iterator[Read]:
        for member in list(holding(source, is_conversation, "chats")):
            people, told = _are_several(source, member), False
            for made in each(source.items(member, "chats"), partial(_conversation, people)):
                yield made
                if isinstance(made, Conversation) and made.folder and not told:
                    told = True
                    yield Problem(Place(member), Why("folders_by_id"), lost=False)


def is_conversation(value: object) -> bool:
    found = mapping(value)
    if "mapping" in found or "chat_messages" in found or "conversationId" in found:
        return False
    chat = mapping(found.get("chat", found))
    if isinstance(mapping(chat.get("history")).get("messages"), (dict, list)):
        return True
    if not isinstance(chat.get("messages"), list):
        return False
    return "chat" in found or isinstance(chat.get("models"), list)


def _are_several(source: Source, member: str) -> bool:
    """Whether it has conversations of more than one person."""
    people: set[object] = set()
    if several(source, member, "user_id"):
        for item in source.items(member, "chats"):
            people |= {_user(mapping(item.value))} - {None} if isinstance(item, Item) else set()
            if len(people) > 1:
                return True
    return False


def _user(value: dict[str, Any]) -> str | None:
    user = mapping(value.get("user"))
    return line(user.get("email")) or line(user.get("name")) or identifier(value.get("user_id"))


def _conversation(people: bool, item: Item) -> Iterator[Read]:
    """``people``: it is of more than one person."""
    value = mapping(item.value)
    chat = mapping(value.get("chat", value))
    title = line(value.get("title")) or line(chat.get("title"))
    place = place_of(item, title)
    if not is_conversation(value):
        yield Problem(place, Why("no_messages"))
        return
    tree, shown = Tree(place), _Shown(value, chat)
    shown.grow(tree)
    if not tree:
        yield Problem(place, Why("nothing_said"))
        return
    said = tree.said()
    metadata, large = rest(value, _OF_ITEM, place)
    of_chat, large_too = rest(chat, _OF_CHAT, place) if "chat" in value else ({}, [])
    metadata |= {"chat": of_chat} if of_chat else {}
    metadata |= {"folder_id": value["folder_id"]} if identifier(value.get("folder_id")) else {}
    yield Conversation(
        key=identifier(value.get("id")) or identifier(chat.get("id")) or digest(title, said[0].key),
        place=place,
        said=said,
        tip=shown.tip(tree),
        title=title,
        created_at=moment(value.get("created_at")) or moment(chat.get("timestamp")),
        updated_at=moment(value.get("updated_at")),
        author=_user(value) if people else None,
        model=next(filter(None, map(line, listed(chat.get("models")))), None),
        folder=_folder(value),
        tags=_tags(value, chat),
        archived=flag(value.get("archived")),
        pinned=flag(value.get("pinned")),
        metadata=metadata,
        problems=[*tree.problems, *large, *large_too],
    )


def _folder(value: dict[str, Any]) -> str | None:
    known = line(mapping(value.get("folder")).get("name"))
    id = identifier(value.get("folder_id"))
    return known or (f"Open WebUI {id[:8]}" if id else None)


def _tags(value: dict[str, Any], chat: dict[str, Any]) -> list[str]:
    given = [*listed(mapping(value.get("meta")).get("tags")), *listed(chat.get("tags"))]
    return list(dict.fromkeys(filter(None, (line(mapping(each).get("name", each)) for each in given))))


class _Shown:
    """The messages of a conversation, and which of them are shown."""

    def __init__(self, value: dict[str, Any], chat: dict[str, Any]) -> None:
        history = mapping(chat.get("history"))
        by_id = history.get("messages")
        flat = listed(chat.get("messages"))
        messages = {**by_id} if isinstance(by_id, dict) else dict(enumerate(listed(by_id)))
        self._is_tree = any(isinstance(each, dict) for each in messages.values())
        self._messages = messages if self._is_tree else dict(enumerate(flat))
        last = mapping(flat[-1]).get("id") if flat else None
        self._tips = [history.get("currentId"), value.get("current_message_id"), last]

    def grow(self, tree: Tree) -> None:
        before: str | None = None
        for key, one in self._ordered():
            if not isinstance(one, dict):
                tree.tell(Why("message_unreadable"))
                continue
            id = identifier(one.get("id")) or (key if isinstance(key, str) else None)
            follows = one.get("parentId") if self._is_tree or "parentId" in one else before
            before = tree.add(id, follows, *_said(tree, one))

    def tip(self, tree: Tree) -> str | None:
        ends = (tree.end(tip) for tip in self._tips if tip is not None)
        return next(filter(None, ends), None) or (None if self._is_tree else tree.end(self._last(tree)))

    def _last(self, tree: Tree) -> str | None:
        return identifier(mapping(next(reversed(self._messages.values()), None)).get("id"))

    def _ordered(self) -> list[tuple[object, Any]]:
        """Siblings in the order in which their parent names them, where it does."""
        rank: dict[object, int] = {}
        for one in self._messages.values():
            for number, child in enumerate(listed(mapping(one).get("childrenIds"))):
                if isinstance(child, str):
                    rank.setdefault(child, number)
        if not self._is_tree:
            return list(self._messages.items())
        return sorted(self._messages.items(), key=lambda pair: rank.get(pair[0], len(rank)))


def _said(tree: Tree, message: dict[str, Any]) -> list[Said]:
    by = _ROLES.get(text(message.get("role")), "assistant")
    at, model = moment(message.get("timestamp")), line(message.get("model")) if by == "assistant" else None
    words, blocks = parted(plain(message.get("content"))) if by == "assistant" else (plain(message.get("content")), [])
    output = Output(message.get("output"), at)
    if not output.before:
        output.add_blocks(blocks)
    error = _error(message.get("error"))
    made = Said("", by, words or output.text or error, at=at, model=model, files=_files(tree, message))
    made.name = line(message.get("modelName")) if model else None
    made.failed = bool(error) and not (words or output.text)
    made.vote, made.comment = _vote(message)
    made.metadata, large = rest(message, _OF_MESSAGE, tree.place)
    made.metadata |= {"output": output.other} if output.other else {}
    tree.problems += large
    if by == "system":
        made.aside = "hidden"
    if text(message.get("role")) not in _ROLES:
        tree.tell(Why("sender_assumed"))
    if message.get("done") is False and by == "assistant":
        made.metadata["done"] = False
    if not (made.text.strip() or made.files or made.failed):
        return output.before
    return [*output.before, made]


def _error(value: object) -> str:
    """ "" for none."""
    found = mapping(value)
    given = text(found.get("content")) or text(found.get("message")) or text(value)
    return given or ("Error" if value not in (None, False, "", {}, []) else "")


def _vote(message: dict[str, Any]) -> tuple[int | None, str | None]:
    given = mapping(message.get("annotation"))
    rating = given.get("rating")
    vote = {1: 1, -1: 0}.get(rating) if isinstance(rating, int) and not isinstance(rating, bool) else None
    return vote, text(given.get("comment")).strip() or None


def _files(tree: Tree, message: dict[str, Any]) -> list[File]:
    """Pictures are in the export where they were written as data: URLs; of documents it may have the text."""
    found = []
    pictures = [part for part in listed(message.get("content")) if mapping(part).get("type") == "image_url"]
    for number, one in enumerate([*listed(message.get("files")), *pictures][:1_000], 1):
        if made := _file(mapping(one), number):
            found.append(made)
    if any(file.content is None for file in found):
        tree.tell(Why("files_by_name"))
    return found


def _file(each: dict[str, Any], number: int) -> File | None:
    inner = mapping(each.get("file"))
    address = each.get("url") or mapping(each.get("image_url")).get("url") or each.get("image_url")
    name = line(each.get("name")) or line(mapping(inner.get("meta")).get("name")) or line(inner.get("filename"))
    key = identifier(each.get("id")) or identifier(inner.get("id")) or f"file-{number}"
    if content := data_url(address):
        return File(key, name or f"picture-{number}", content[0], content=content[1])
    words = text(mapping(inner.get("data")).get("content"))
    if words and name:
        called = name if name.lower().endswith((".txt", ".md", ".csv", ".json")) else f"{name}.txt"
        return File(key, called, "text/plain", content=words.encode(errors="replace"))
    if not (name or each):
        return None
    return File(key, name or f"file-{number}", line(each.get("content_type")))

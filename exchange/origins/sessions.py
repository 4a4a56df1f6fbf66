"""Sessions as JSON: the store that an app has had before it had a database.

A session is ``{"id", "workspace_hash", "type", "task", "status", "instances", "chat_messages", …}``. A file has one, or
an array of them, or a line each, or they stand under ``sessions`` or their ids. No two apps write the same, so a key
may be called otherwise or be missing; what has no other place is kept as metadata.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from .base import Conversation, Item, Problem, Read, Source
from .chain import ROLES, Chain
from .jsonl import add
from .reasons import Why
from .values import digest, flag, identifier, line, listed, mapping, moment, rest, text

_LOOKED_AT, _FILES = 5, 200
_MESSAGES = ("chat_messages", "messages", "chat_history", "history")
_OF_SESSION = {"workspace_hash", "workspace", "instances", "task", "status", "type"}
_OF_OTHERS = {"uuid", "mapping", "conversationId", "models", "chat", "messagesTree"}
_IDS = ("id", "session_id", "sessionId")
_TITLES = ("title", "name", "task")
_BEGAN = ("created_at", "createdAt", "created", "started_at", "start_time")
_ENDED = ("updated_at", "updatedAt", "last_activity", "last_active", "ended_at", "end_time", "modified")
_ROLES, _TEXTS = ("role", "sender", "from", "author", "type"), ("content", "text", "message", "body", "value")
_TIMES = ("timestamp", "created_at", "createdAt", "time", "at", "date")


class Sessions:
    name, title = "sessions", "JSON sessions"

    def recognises(self, source: Source) -> bool:
        for member in _members(source)[:_FILES]:
            for number, (_, found) in enumerate(_found(source, member)):
                if isinstance(found, Item) and is_session(found.value):
                    return True
                if number >= _LOOKED_AT:
                    break
        return False

    def read(self, source: Source) -> Iterator[Read]:
        for member in _members(source):
            for key, found in _found(source, member):
                yield found if isinstance(found, Problem) else _conversation(found, key)


def is_session(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() & _OF_OTHERS:
        return False
    if value.keys() & _OF_SESSION:
        return any(isinstance(value.get(name), list) for name in (*_MESSAGES, "instances"))
    said = list(map(mapping, listed(value.get("chat_messages"))))  # Claude's say "sender"
    return any("role" in each for each in said) and not any("sender" in each for each in said)


def _members(source: Source) -> list[str]:
    named = [name for name in source.members if name.lower().endswith((".json", ".jsonl", ".ndjson"))]
    return named or list(source.members[:1])


def _found(source: Source, member: str) -> Iterator[tuple[str, Item | Problem]]:
    """What may be a session, with the id that its place gives it."""
    stem, several = PurePosixPath(member).stem, 0
    for item in source.items(member, "sessions"):
        several += 1
        if isinstance(item, Problem) or is_session(item.value):
            yield (stem if several == 1 else f"{stem}-{several}"), item
            continue
        inside = mapping(item.value).get("sessions", item.value)
        by_id = {key: each for key, each in mapping(inside).items() if is_session(each)}
        for key, each in by_id.items():
            yield key, Item(item.place.at(name=line(key) or "–"), each)
        if not by_id:
            yield stem, item


def _conversation(item: Item, otherwise: str) -> Read:
    """``otherwise``: its id where it has none of its own."""
    session = item.value
    if not is_session(session):
        return Problem(item.place, Why("no_conversation"), lost=False)
    title = next((found for name in _TITLES if (found := line(session.get(name)))), None)
    place = item.place.titled(title)
    chain, used = Chain(place), {*_IDS, *_BEGAN[:3], *_ENDED[:2], "title", "name", "tags", "archived", "pinned", "user"}
    name = next((each for each in _MESSAGES if isinstance(session.get(each), list)), None)
    if name is not None:
        used.add(name)
        _messages(chain, session[name], {})
    kept = session | {"instances": _instances(chain, session.get("instances"))}
    if not chain.said:
        return Problem(place, Why("nothing_said"))
    metadata, problems = rest(kept, used, place)
    model = next((said.model for said in reversed(chain.said) if said.model), None)
    return Conversation(
        next((found for each in _IDS if (found := identifier(session.get(each)))), None) or otherwise,
        place,
        chain.said,
        tip=chain.last,
        title=title,
        created_at=_moment(session, _BEGAN),
        updated_at=_moment(session, _ENDED),
        author=line(session.get("user")),
        model=line(session.get("model")) or model,
        tags=[tag for tag in map(line, listed(session.get("tags"))) if tag],
        archived=flag(session.get("archived")) or session.get("status") == "archived",
        pinned=flag(session.get("pinned")),
        metadata=metadata,
        problems=[*chain.problems, *problems],
    )


def _instances(chain: Chain, value: Any) -> Any:
    """Adds what was said in each; returns them without that."""
    if not isinstance(value, list):
        return value
    kept = []
    for number, each in enumerate(value, 1):
        name = next((name for name in _MESSAGES if isinstance(mapping(each).get(name), list)), None)
        if name is None:
            kept.append(each)
            continue
        _messages(chain, each[name], {"instance": identifier(each.get("id")) or str(number)})
        kept.append({key: one for key, one in each.items() if key != name})
    return kept


def _messages(chain: Chain, messages: list[Any], more: dict[str, Any]) -> None:
    for number, each in enumerate(messages, 1):
        if isinstance(each, str):
            each = {"role": "user" if number % 2 else "assistant", "content": each}
        if not isinstance(each, dict):
            chain.problems.append(Problem(chain.place.at(message=number), Why("message_unreadable"), lost=False))
            continue
        add(chain, _plain(each) | more)


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """A message with its keys as OpenAI's chat format has them. A role that is not known is kept beside."""
    role_key = next((key for key in _ROLES if text(message.get(key))), "")
    text_key = next((key for key in _TEXTS if message.get(key) not in (None, "", [])), "")
    time_key = next((key for key in _TIMES if moment(message.get(key)) is not None), "")
    role = text(message.get(role_key)).lower()
    kept = {key: value for key, value in message.items() if key not in (role_key, text_key, time_key)}
    known = {"role": role} if role in ROLES else {"role": "system", "said_by": role or None}
    content = message.get(text_key)
    at = {"timestamp": message[time_key]} if time_key else {}
    made = kept | known | at | {"content": content}
    if not identifier(message.get("id")):
        made["id"] = digest(role, content, message.get(time_key))
    return made


def _moment(session: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((at for name in names if (at := moment(session.get(name))) is not None), None)


ORIGIN = Sessions()

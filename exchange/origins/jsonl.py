"""Conversations as lists of messages, in JSON or JSON Lines: OpenAI's chat format, our own export, training files.

A line is ``{"messages": [{"role", "content"}, …]}``. Of our own export its ``metadata`` names the thread, its votes and
more. Training files have ``tools``, ``weight``, pairs of answers of which one is preferred, ShareGPT's
``conversations``, or a ``prompt`` with its ``completion``.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .anythingllm.chats import is_workspace
from .base import Conversation, Item, Problem, Read, Said, Source
from .chain import ROLES, Chain
from .content import Call, as_text, call_of, calls_of, content_of
from .openwebui.conversations import is_conversation
from .places import Place
from .reasons import Why
from .values import digest, flag, identifier, line, listed, mapping, moment, rest, text

_ENDINGS = (".jsonl", ".ndjson", ".json")
_LOOKED_AT, _MEMBERS = 5, 50
_OF_OTHERS = ("mapping", "chat_messages", "history", "conversationId", "messagesTree", "chat")
"""Keys that tell a product with a reader of its own."""
_OF_MESSAGE = {
    *("role", "from", "content", "value", "tool_calls", "function_call", "tool_call_id", "name", "refusal", "id"),
    *("reasoning_content", "reasoning", "audio", "created_at", "timestamp", "model"),
}
_OF_METADATA = {"thread", "author", "title", "created_at", "folder", "tags", "models", "votes"}


class Jsonl:
    name, title = "jsonl", "JSON Lines"

    def recognises(self, source: Source) -> bool:
        for member in _members(source)[:_MEMBERS]:
            for number, item in enumerate(source.items(member)):
                if isinstance(item, Item) and _is_any(item.value):
                    return True
                if number >= _LOOKED_AT:
                    break
        return False

    def read(self, source: Source) -> Iterator[Read]:
        seen: Counter[str] = Counter()
        for member in _members(source):
            alone: list[Any] = []
            for item in source.items(member):
                if isinstance(item, Item) and _is_message(item.value):
                    alone.append(item.value)
                else:
                    yield item if isinstance(item, Problem) else conversation(item, seen)
            if alone:
                yield conversation(Item(Place(member), alone), seen)


def _is_any(value: Any) -> bool:
    """Whether it is one of the shapes, and none of a product with a reader of its own."""
    anothers = is_workspace(value) or is_conversation(value)
    return not anothers and bool(messages_of(value) or _is_message(value))


def _members(source: Source) -> list[str]:
    return [name for name in source.members if name.lower().endswith(_ENDINGS) or len(source.members) == 1]


def messages_of(value: Any) -> list[dict[str, Any]]:
    """Those of a line; none where it is none of the shapes."""
    found = value if isinstance(value, dict) else {"messages": value}
    if any(key in found for key in _OF_OTHERS):
        return []
    if isinstance(found.get("prompt"), str) and isinstance(found.get("completion"), str):
        return [{"role": "user", "content": found["prompt"]}, {"role": "assistant", "content": found["completion"]}]
    some = next(
        (found[key] for key in ("messages", "conversations", "conversation") if isinstance(found.get(key), list)),
        listed(mapping(found.get("input")).get("messages")),
    )
    messages = [each for each in some if isinstance(each, dict)]
    return messages if any(_role(each) in ROLES for each in messages) else []


def _is_message(value: Any) -> bool:
    """Whether it is no list of messages, but one of a list."""
    return isinstance(value, dict) and _role(value) in ROLES and ("content" in value or "value" in value)


def _role(message: dict[str, Any]) -> str:
    return (text(message.get("role")) or text(message.get("from"))).lower()


def conversation(item: Item, seen: Counter[str]) -> Read:
    """``seen``: how often the first message of another has been the same."""
    messages = messages_of(item.value)
    if not messages:
        return Problem(item.place, Why("no_roles"))
    whole = mapping(item.value)
    about = mapping(whole.get("metadata"))
    title = line(about.get("title")) or line(whole.get("title"))
    chain = Chain(item.place.titled(title))
    keys = [add(chain, message) for message in messages]
    _preferred(chain, whole)
    votes = _vote(chain, keys, about)
    if not chain.said:
        return Problem(item.place, Why("none_readable"))
    first = next((said for said in chain.said if said.by == "user"), chain.said[0])
    begun = digest(first.by, first.text)
    seen[begun] += 1
    found = Conversation(
        identifier(about.get("thread")) or identifier(whole.get("id")) or f"{begun}-{seen[begun]}",
        chain.place,
        chain.said,
        tip=chain.last,
        title=title,
        created_at=moment(about.get("created_at")) or moment(whole.get("created_at")),
        author=line(about.get("author")),
        folder=line(about.get("folder")),
        tags=[tag for tag in map(line, listed(about.get("tags"))) if tag],
        model=next((line(each) for each in reversed(listed(about.get("models")))), None) or line(whole.get("model")),
    )
    used = {"messages", "conversations", "conversation", "prompt", "completion", "metadata", "title", "id"}
    used |= {"input", "preferred_output", "non_preferred_output", "created_at", "model"}
    found.metadata, left = rest(whole | {"metadata": None}, used, chain.place)
    more, also = rest(about, _OF_METADATA, chain.place)
    found.metadata |= more
    found.problems = [*chain.problems, *votes, *left, *also]
    return found


def add(chain: Chain, message: dict[str, Any]) -> str | None:
    """Adds a message; returns the key of what it says, None: it says nothing of its own."""
    by = ROLES.get(_role(message))
    if by is None:
        role = line(message.get("role")) or "?"
        chain.problems.append(Problem(chain.place, Why("role_unknown", role=role[:50]), lost=False))
        return None
    metadata, problems = rest(message, _OF_MESSAGE, chain.place)
    chain.problems += problems
    content = content_of(message.get("content", message.get("value")), chain.place)
    at = moment(message.get("created_at")) or moment(message.get("timestamp"))
    key = identifier(message.get("id")) or digest(by, content.text)
    name = line(message.get("name"))
    if by == "tool":
        chain.problems += content.problems
        output = content.text or as_text(content.other or None)
        chain.tool(Call(identifier(message.get("tool_call_id")), name, output=output), key, at, metadata)
        return None
    for thought in (text(message.get("reasoning_content")) or text(message.get("reasoning")),):
        content.reasoning += [thought] if thought else []
    content.texts += [text(message.get("refusal")), text(mapping(message.get("audio")).get("transcript"))]
    content.calls += calls_of(message.get("tool_calls"))
    content.calls += [call_of(message["function_call"])] if isinstance(message.get("function_call"), dict) else []
    model = line(message.get("model")) if by == "assistant" else None
    said = Said(key, by, "", at=at, name=name or model, model=model, metadata=metadata)
    chain.message(said, content)
    return said.key


def _preferred(chain: Chain, whole: dict[str, Any]) -> None:
    """Two answers, the better of which is shown."""
    before = chain.last
    for name in ("non_preferred_output", "preferred_output"):
        chain.last = before
        for message in listed(whole.get(name)):
            if isinstance(message, dict):
                add(chain, message)


def _vote(chain: Chain, keys: list[str | None], about: dict[str, Any]) -> list[Problem]:
    """Gives the votes of our own export to the messages whose numbers they name."""
    said = {each.key: each for each in chain.said}
    problems = []
    for vote in listed(about.get("votes")):
        number, value = mapping(vote).get("message"), mapping(vote).get("value")
        known = isinstance(number, int) and 0 <= number < len(keys) and value in (0, 1)
        message = said.get(keys[number] or "") if known and isinstance(number, int) else None
        if message is None:
            problems.append(Problem(chain.place, Why("votes_astray", n=1), lost=False))
        else:
            message.vote, message.comment = int(flag(value)), text(vote.get("comment")) or None
    return problems


ORIGIN = Jsonl()

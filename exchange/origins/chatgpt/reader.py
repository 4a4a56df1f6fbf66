"""Conversations of ChatGPT.

Nobody publishes what an export looks like, and it changes without notice: every key but the few that carry a message
may be missing. Shapes of 2023 to 2026 are read.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from ..base import Conversation, Item, Problem, Read, Said, Source
from ..each import each
from ..places import Place
from ..reasons import Why
from ..values import flag, identifier, line, listed, mapping, moment, rest
from .assets import Assets
from .feedback import Votes, votes
from .messages import Messages

_KEY = "conversations"
_LOOKED_AT = 20
"""Entries of a file: the first ones may be odd."""
_OTHERS = ("message_feedback", "shared_conversations", "export_manifest", "user", "user_settings", "shopping", "sora")
_OTHERS_TOO = ("library_files", "conversation_asset_file_names", "group_chats")
_PROJECT = "g-p-"
_ROOTS = ("id", "conversation_id", "title", "create_time", "update_time", "mapping", "current_node", "is_archived")
_KNOWN = (*_ROOTS, "is_starred", "pinned_time", "default_model_slug", "model_slug", "moderation_results")


class ChatGPT:
    name, title = "chatgpt", "ChatGPT"

    def recognises(self, source: Source) -> bool:
        return any(self._is_of(source, member) for member in _files(source))

    def _is_of(self, source: Source, member: str) -> bool:
        if source.start(member).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] not in (b"[", b"{"):
            return False
        found = islice(source.items(member, _KEY), _LOOKED_AT)
        return any(isinstance(item, Item) and isinstance(mapping(item.value).get("mapping"), dict) for item in found)

    def read(self, source: Source) -> Iterator[Read]:
        members = list(_files(source))
        alone = len(members) == 1 or len(source.members) == 1
        reader = _Reader(Assets(source), votes(source))
        for member in members:
            if alone or self._is_of(source, member):
                yield from each(source.items(member, _KEY), reader.read)
        yield from reader.left(source)


def _files(source: Source) -> Iterator[str]:
    """Those that may hold conversations: ``conversations.json``, its parts, or whatever a single file is called."""
    names = [m for m in source.members if m.lower().endswith(".json")] or list(source.members)[:1]
    named = [m for m in names if _stem(m).startswith("conversations")]
    yield from named or [m for m in names if _stem(m) not in (*_OTHERS, *_OTHERS_TOO)][:_LOOKED_AT]


def _stem(member: str) -> str:
    return member.rpartition("/")[2].lower().removesuffix(".json")


class _Reader:
    def __init__(self, assets: Assets, given: Votes) -> None:
        self._assets, self._votes = assets, given

    def read(self, item: Item) -> Iterator[Read]:
        found, nodes = mapping(item.value), mapping(item.value).get("mapping")
        title = line(found.get("title"))
        place = item.place.titled(title)
        if not isinstance(nodes, dict):
            yield Problem(place, Why("no_messages"))
            return
        key = identifier(found.get("id")) or identifier(found.get("conversation_id")) or identifier(_first(nodes))
        if key is None:
            yield Problem(place, Why("no_messages"))
            return
        yield self._conversation(key, place, title, found, nodes)

    def _conversation(
        self, key: str, place: Place, title: str | None, found: dict[str, Any], nodes: dict[str, Any]
    ) -> Conversation:
        model = line(found.get("default_model_slug")) or line(found.get("model_slug"))
        messages = Messages(place, model, self._assets)
        said = messages.read(nodes)
        made = Conversation(key, place, said, messages.shown(identifier(found.get("current_node"))), title)
        made.created_at, made.updated_at = moment(found.get("create_time")), moment(found.get("update_time"))
        made.model = model or next((each.model for each in reversed(said) if each.model), None)
        made.archived = flag(found.get("is_archived"))
        made.pinned = flag(found.get("is_starred")) or moment(found.get("pinned_time")) is not None
        made.metadata, problems = rest(found, _KNOWN, place)
        if (gizmo := identifier(found.get("gizmo_id"))) and gizmo.startswith(_PROJECT):
            made.metadata["project_id"] = made.metadata.pop("gizmo_id")
        made.problems = [*messages.problems, *problems]
        self._vote(key, said)
        return made

    def _vote(self, key: str, said: list[Said]) -> None:
        for each_said in said if self._votes else ():
            if (given := self._votes.pop((key, each_said.key), None)) or (
                given := self._votes.pop(("", each_said.key), None)
            ):
                each_said.vote, each_said.comment = given.value, given.comment
                each_said.metadata |= {"feedback": given.rest} if given.rest else {}

    def left(self, source: Source) -> Iterator[Problem]:
        """What of the export was looked for nowhere."""
        if self._votes:
            yield Problem(Place("message_feedback.json"), Why("votes_astray", n=len(self._votes)), lost=False)
        for member in source.members:
            if _stem(member) == "group_chats" and listed(source.json(member)):
                yield Problem(Place(member), Why("group_chats"), lost=False)
        if count := self._assets.unused():
            yield Problem(source.place, Why("files_astray", n=count), lost=False)


def _first(nodes: dict[str, Any]) -> str | None:
    return next(iter(nodes), None)

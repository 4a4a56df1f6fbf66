"""AnythingLLM's exports of its chats, as JSON, CSV, JSON Lines and for Alpaca, and its database.

Only the database says to which thread a chat belongs. In JSON and CSV those of a person in a workspace are parted by
pauses, see ``pauses``; JSON Lines have a workspace a line, without times; of Alpaca each turn is alone.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from ..base import Conversation, Item, Problem, Read, Said, Source, SpokenBy
from ..each import each
from ..looking import first, holding, is_json, place_of, several
from ..pauses import Pauses, Turn
from ..places import Place
from ..reasons import Why, why_of
from ..values import Keys, digest, identifier, line, listed, mapping, moment, plain, rest, text
from . import database
from .pictures import pictures

_COLUMNS = {"id", "workspace", "prompt", "response", "sent_at"}
_CHAT = {*_COLUMNS, "username", "rating", "attachments"}
_NOBODY = {"unknown user", "API", ""}
_LARGEST = 50_000_000
"""Characters of a value of CSV."""
_ROLES: dict[str, SpokenBy] = {"user": "user", "assistant": "assistant", "system": "system"}


class AnythingLLM:
    name, title = "anythingllm", "AnythingLLM"

    def recognises(self, source: Source) -> bool:
        if database.recognises(source) or any(_is_csv(source.start(member)) for member in source.members):
            return True
        return any(True for _ in holding(source, _is_any))

    def read(self, source: Source) -> Iterator[Read]:
        if database.recognises(source):
            yield from database.read(source)
        for member in source.members:
            start = source.start(member)
            if _is_csv(start):
                yield from _chats(_rows(source, member), _several_rows(source, member))
            elif is_json(start):
                yield from _of_json(source, member)


def _is_any(value: object) -> bool:
    return _is_chat(value) or is_workspace(value) or _is_alpaca(value)


def _is_chat(value: object) -> bool:
    found = mapping(value)
    return "prompt" in found and "sent_at" in found and ("workspace" in found or "response" in found)


def is_workspace(value: object) -> bool:
    """Others write much the same for training, but with text in place of parts, or without instructions."""
    found = mapping(value)
    messages = [mapping(each) for each in listed(found.get("messages"))[:10]]
    return set(found) == {"messages"} and any(
        each.get("role") == "system" and isinstance(each.get("content"), list) for each in messages
    )


def _is_alpaca(value: object) -> bool:
    found = mapping(value)
    known = {"instruction", "input", "output"}
    return {"instruction", "output"} <= found.keys() <= known and isinstance(found["instruction"], str)


def _is_csv(start: bytes) -> bool:
    names = start.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].decode(errors="replace").strip()
    return len(names) < 1_000 and {name.strip(' "') for name in names.split(",")} >= _COLUMNS


def _of_json(source: Source, member: str) -> Iterator[Read]:
    values = [item.value for item in first(source, member)]
    if any(map(_is_chat, values)):
        yield from _chats(source.items(member), several(source, member, "username"))
    elif any(map(is_workspace, values)):
        yield from _workspaces(source.items(member))
    elif any(map(_is_alpaca, values)):
        yield from each(source.items(member), lambda item: [_alpaca(item)])


def _rows(source: Source, member: str) -> Iterator[Item | Problem]:
    csv.field_size_limit(_LARGEST)
    replaced = False
    try:
        with source.open(member) as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
            rows = csv.reader(lines)
            names = [name.strip() for name in next(rows, [])]
            for row in rows:
                place = Place(member).at(line=rows.line_num)
                if not replaced and any("\ufffd" in value for value in row):
                    replaced = True
                    yield Problem(place, Why("no_utf8"), lost=False)
                if len(row) == len(names):
                    yield Item(place, dict(zip(names, row, strict=True)))
                elif row:
                    yield Problem(place, Why("values_count", count=len(row), wanted=len(names)))
    except (OSError, KeyError, csv.Error) as error:
        yield Problem(Place(member), why_of(error))


def _several_rows(source: Source, member: str) -> bool:
    seen: set[object] = set()
    for item in _rows(source, member):
        seen.add(item.value.get("username") if isinstance(item, Item) else None)
        if len(seen - {None}) > 1:
            return True
    return False


def _chats(items: Iterator[Item | Problem], people: bool) -> Iterator[Read]:
    pauses, problems = Pauses[tuple[str | None, str | None]](), dict[Place, list[Problem]]()
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        value = mapping(item.value)
        if not _is_chat(value):
            yield Problem(item.place, Why("no_conversation"))
            continue
        found: list[Problem] = []
        turn = _turn(item, value, found)
        if not turn.said:
            yield Problem(item.place, Why("nothing_said"))
            continue
        if found:
            problems[item.place] = found
        whose = (line(value.get("workspace")), line(value.get("username")))
        for key, turns in pauses.add(whose, turn):
            yield _of_turns(turns, key, people, problems)
    for key, turns in pauses.rest():
        yield _of_turns(turns, key, people, problems)


def _turn(item: Item, value: dict[str, Any], found: list[Problem]) -> Turn:
    at, asked, answered = moment(value.get("sent_at")), plain(value.get("prompt")), plain(value.get("response"))
    key = identifier(value.get("id")) or digest(at, asked, answered)
    metadata, large = rest(value, _CHAT, item.place)
    found += large
    files = pictures(value.get("attachments"), item.place, found)
    said = []
    if asked.strip() or files:
        said.append(Said(key, "user", asked, at=at, files=files))
    if answered.strip():
        vote = {"GOOD": 1, "BAD": 0}.get(text(value.get("rating")))
        said.append(Said(f"{key}/answer", "assistant", answered, at=at, vote=vote))
    elif said:
        found.append(Problem(item.place, Why("no_answer"), lost=False))
    rating = line(value.get("rating"))
    if said and rating and rating.lower() != "null" and said[-1].vote is None:
        said[0].metadata["rating"] = rating
        found.append(Problem(item.place, Why("rating_kept"), lost=False))
    if said:
        said[0].metadata |= metadata
    return Turn(key, at, item.place, said)


def _of_turns(
    turns: list[Turn], whose: tuple[str | None, str | None], people: bool, problems: dict[Place, list[Problem]]
) -> Conversation:
    workspace, user = whose
    keys, said, before = Keys(), list[Said](), None
    for turn in turns:
        for one in turn.said:
            one.key, one.parent = keys.add(one.key), before
            before = one.key
            said.append(one)
    return Conversation(
        key=digest(workspace, user, turns[0].key),
        place=turns[0].place,
        said=said,
        tip=before,
        author=user if people and user and user not in _NOBODY else None,
        folder=workspace,
        problems=[problem for turn in turns for problem in problems.pop(turn.place, ())],
    )


def _workspaces(items: Iterator[Item | Problem]) -> Iterator[Read]:
    seen = Keys()
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        problems: list[Problem] = []
        said = _spoken(item, problems)
        if not any(one.aside is None for one in said):
            yield Problem(item.place, Why("nothing_said"))
            continue
        problems.append(Problem(item.place, Why("whole_workspace"), lost=False))
        key = seen.add(digest("workspace", next(one.text for one in said if one.aside is None)))
        yield Conversation(key=key, place=item.place, said=said, tip=said[-1].key, problems=problems)


def _spoken(item: Item, problems: list[Problem]) -> list[Said]:
    found = mapping(item.value)
    said: list[Said] = []
    for number, one in enumerate(listed(found.get("messages")), 1):
        message = mapping(one)
        by = _ROLES.get(text(message.get("role")))
        if by is None:
            problems.append(Problem(item.place.at(message=number), Why("sender_missing"), lost=False))
            continue
        content = message.get("content")
        images = [part for part in listed(content) if mapping(part).get("type") == "image"]
        files = pictures(images, item.place, problems)
        words = plain(content)
        if words.strip() or files:
            parent = said[-1].key if said else None
            aside = "hidden" if by == "system" else None
            said.append(Said(f"message-{number}", by, words, parent, files=files, aside=aside))  # type: ignore[arg-type]
    return said


def _alpaca(item: Item) -> Read:
    value = mapping(item.value)
    instruction, given, output = (plain(value.get(key)) for key in ("instruction", "input", "output"))
    if not _is_alpaca(value) or not (given or instruction):
        return Problem(item.place, Why("no_conversation"))
    said = [Said("instruction", "system", instruction, aside="hidden")] if given and instruction else []
    said.append(Said("question", "user", given or instruction, said[-1].key if said else None))
    if output.strip():
        said.append(Said("answer", "assistant", output, "question"))
    key = digest("alpaca", instruction, given, output)
    return Conversation(key=key, place=place_of(item, None), said=said, tip=said[-1].key)

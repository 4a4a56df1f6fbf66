"""Transcripts in Markdown: pages of our own export, and those that other tools and people make."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from .base import Conversation, Problem, Read, Said, Source
from .chain import Chain
from .content import Content
from .markdown_lines import Lines, front_matter
from .own_markdown import Page, is_own, page_of
from .places import Place
from .reasons import Why, why_of
from .speakers import Mark, marks
from .values import digest, flag, identifier, line, moment, rest, text

LARGEST = 20_000_000
"""Bytes of a page."""
_LOOKED_AT = 50
"""Pages that are looked at to tell what it is."""
_ENDINGS = (".md", ".markdown", ".mdown", ".mkd", ".txt")
_RULE = re.compile(r"(-{3,}|\*{3,}|_{3,})\s*$")
_URL = re.compile(r"https?://\S+/([0-9a-fA-F-]{20,})\b")
_IDS = ("id", "conversation_id", "conversationId", "chat_id", "uuid", "thread")
_KNOWN = {
    *(*_IDS, "title", "author", "created", "created_at", "date", "last_activity", "updated", "updated_at", "folder"),
    *("tags", "pinned", "archived", "models", "model", "exported"),
}


class Markdown:
    name, title = "markdown", "Markdown"

    def recognises(self, source: Source) -> bool:
        for member in islice(_pages(source), _LOOKED_AT):
            with suppress(OSError, KeyError):
                start = source.start(member)
                if b"\0" not in start and _is_transcript(start.decode(errors="replace")):
                    return True
        return False

    def read(self, source: Source) -> Iterator[Read]:
        seen: Counter[str] = Counter()
        for member in _pages(source):
            yield _conversation(source, member, seen)


def _pages(source: Source) -> Iterator[str]:
    """What may be one: no file that belongs to a page of ours."""
    members = {*source.members}
    for member in source.members:
        folder = next((str(each) for each in PurePosixPath(member).parents if str(each).endswith(" files")), None)
        if folder is not None and f"{folder.removesuffix(' files')}.md" in members:
            continue
        if member.lower().endswith(_ENDINGS) or len(members) == 1:
            yield member


def _is_transcript(start: str) -> bool:
    lines = start.removeprefix("\ufeff").splitlines()
    front, first = front_matter(lines)
    return is_own(front) or bool(marks(Lines(lines, first)))


def _conversation(source: Source, member: str, seen: Counter[str]) -> Read:
    place = Place(member)
    try:
        with source.open(member) as file:
            content = file.read(LARGEST + 1)
    except (OSError, KeyError) as error:
        return Problem(place, why_of(error))
    if len(content) > LARGEST:
        return Problem(place, Why("too_large", mb=LARGEST // 1_000_000))
    problems = []
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        words = content.decode("utf-8-sig", "replace")
        problems.append(Problem(place, Why("no_utf8"), lost=False))
    raw = words.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    front, first = front_matter(raw)
    lines = Lines(raw, first)
    if is_own(front):
        found = _own(page_of(lines, front, member, source.members), front, member)
    else:
        found = _transcript(lines, front, member)
    if found is None:
        return Problem(place, Why("no_speakers"), lost=False)
    if lines.open is not None:
        problems.append(Problem(found.place, Why("block_open", line=lines.open + 1), lost=False))
    found.problems += problems
    if not found.key:
        start = found.said[0]
        begun = digest(start.by, start.text)
        seen[begun] += 1
        found.key = f"{begun}-{seen[begun]}"
    return found


def _front(front: dict[str, Any], member: str, title: str | None) -> Conversation:
    """What front matter says."""
    title = line(front.get("title")) or title
    place = Place(member).titled(title)
    metadata, problems = rest(front, _KNOWN, place)
    named = next((seen for name in _IDS if (seen := identifier(front.get(name)))), None)
    linked = next((link for value in front.values() if (link := _URL.search(text(value)))), None)
    models = front.get("models") or front.get("model")
    tags = front.get("tags")
    return Conversation(
        named or (linked[1] if linked else ""),
        place,
        [],
        title=title,
        created_at=next((at for name in ("created", "created_at", "date") if (at := moment(front.get(name)))), None),
        updated_at=next(
            (at for name in ("last_activity", "updated", "updated_at") if (at := moment(front.get(name)))), None
        ),
        author=line(front.get("author")),
        model=line(models[-1]) if isinstance(models, list) and models else line(models),
        folder=line(front.get("folder")),
        tags=[tag for tag in map(line, tags if isinstance(tags, list) else text(tags).split(",")) if tag],
        archived=flag(front.get("archived")),
        pinned=flag(front.get("pinned")),
        metadata=metadata,
        problems=problems,
    )


def _own(page: Page, front: dict[str, Any], member: str) -> Conversation | None:
    found = _front(front, member, None)
    found.said, found.tip = page.said, page.tip
    if page.prompt:
        prompt = Said(digest("system", page.prompt), "system", page.prompt, aside="hidden")
        for said in found.said:
            said.parent = said.parent or prompt.key
        found.said = [prompt, *found.said]
    if any(file.member is None for said in page.said for file in said.files):
        found.problems.append(Problem(found.place, Why("files_by_name"), lost=False))
    return found if page.said else None


def _transcript(lines: Lines, front: dict[str, Any], member: str) -> Conversation | None:
    found = marks(lines)
    if not found:
        return None
    before = lines.lines[lines.first : found[0].line]
    title = next((line(each.lstrip("# ")) for each in before if each.startswith("# ")), None)
    made = _front(front, member, title)
    chain = Chain(made.place)
    ends = [mark.line for mark in found[1:]] + [len(lines.lines)]
    parts = [_words(mark, lines.lines[mark.line + 1 : end]) for mark, end in zip(found, ends, strict=True)]
    ruled = len(parts) > 1 and all(part and _RULE.match(part[-1]) for part in parts[:-1])
    for mark, part in zip(found, parts, strict=True):
        told = "\n".join(part[:-1] if ruled and part and _RULE.match(part[-1]) else part).strip()
        who = mark.speaker
        key = digest(who.by, told)
        said = Said(key, who.by, told, at=who.at, name=who.name, model=who.model)
        said.aside = "tool" if who.by == "tool" else None
        chain.message(said, Content(made.place))
    if any(mark.speaker.at is not None and not mark.speaker.zone for mark in found):
        chain.problems.append(Problem(made.place, Why("no_zone"), lost=False))
    introduction = "\n".join(each for each in before if not each.startswith("# ")).strip()
    kept, problems = rest({"introduction": introduction}, (), made.place)
    made.said, made.tip = chain.said, chain.last
    made.metadata |= kept
    made.problems += [*chain.problems, *problems]
    return made if any(said.aside is None for said in made.said) else None


def _words(mark: Mark, lines: list[str]) -> list[str]:
    found = [*([mark.rest] if mark.rest.strip() else []), *lines]
    while found and not found[-1].strip():
        found.pop()
    return found


ORIGIN = Markdown()

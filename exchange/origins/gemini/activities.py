"""Gemini's part of Google's "My activity": what was asked, the newest first, each with its answer, as JSON or a page.

Which questions belonged together is not in it, see ``pauses``. The word that Google writes before a question is in the
account's language.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import unquote

from ..base import Conversation, File, Item, Problem, Read, Said, Source
from ..looking import holding
from ..pauses import Pauses, Turn
from ..places import Place
from ..reasons import Why, why_of
from ..values import ODD_TIME, digest, line, listed, mapping, moment, rest, text
from .markup import markdown
from .page import Cell, activity, cells

_NAME = re.compile(r"(?<![a-z])(?:gemini|bard)(?![a-z])", re.IGNORECASE)
_ASKED = ("prompted with:", "asked gemini:", "asked bard:", "prompted", "asked", "said", "branched", "answered")
_DID = re.compile(
    r"(?:created|used|added|gave|selected|shared|deleted|viewed|visited|edited|pinned|renamed|exported|updated|removed)\b",
    re.IGNORECASE,
)
_ATTACHED = re.compile(r"\s*Attached \d+ files?\.?\s*\Z", re.IGNORECASE)
_LISTED = re.compile(r"^\s*(?:Attached \d+ files?\.?|-\s.*)\s*$", re.IGNORECASE)
_KEYS = {"header", "title", "time", "safeHtmlItem", "attachedFiles", "imageFile", "products", "activityControls"}
_LEARNED = 40
"""Entries of which the word before a question is learned."""


@dataclass(slots=True)
class _Entry:
    place: Place
    title: str
    at: int | None
    answers: list[str]
    """As HTML."""
    files: list[tuple[str, str]] = field(default_factory=list)
    """Their addresses and names."""
    metadata: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class Gemini:
    name, title = "gemini", "Gemini"

    def recognises(self, source: Source) -> bool:
        return any(True for _ in holding(source, _is_entry)) or any(True for _ in _pages(source))

    def read(self, source: Source) -> Iterator[Read]:
        for member in list(holding(source, _is_entry)):
            yield from _Activities(source, member).read(_of_json(source, member))
        for member in list(_pages(source)):
            yield from _Activities(source, member).read(_of_page(source, member))


def _is_entry(value: object) -> bool:
    found = mapping(value)
    named = [found.get("header"), *listed(found.get("products"))]
    return "title" in found and ("time" in found or "safeHtmlItem" in found) and any(map(_is_gemini, named))


def _is_gemini(name: object) -> bool:
    return _NAME.search(text(name)[:200]) is not None


def _pages(source: Source) -> Iterator[str]:
    """Pages that have a cell of Gemini's among the first ones."""
    for member in source.members:
        start = source.start(member)
        is_page = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" and (b"outer-cell" in start or b"<style" in start)
        if is_page and any(_is_gemini(cell.header) for cell in _first_cells(source, member)):
            yield member


def _first_cells(source: Source, member: str) -> Iterator[Cell]:
    """A few."""
    with suppress(OSError, KeyError), source.open(member) as stream:
        for cell in islice(cells(stream, Place(member)), _LEARNED):
            if isinstance(cell, Cell):
                yield cell


def _of_json(source: Source, member: str) -> Iterator[_Entry | Problem]:
    for item in source.items(member):
        if isinstance(item, Problem):
            yield item
        elif not isinstance(item.value, dict):
            yield Problem(item.place, Why("no_conversation"))
        elif _is_entry(item.value):
            yield _entry(item)
        elif not item.value.get("header") and not item.value.get("products"):
            yield Problem(item.place, Why("no_product"))


def _entry(item: Item) -> _Entry:
    value = mapping(item.value)
    given = value.get("safeHtmlItem")
    answers = [mapping(each) for each in (given if isinstance(given, list) else [given])]
    made = _Entry(
        item.place,
        text(value.get("title")),
        moment(value.get("time")),
        [html for each in answers if (html := text(each.get("html")) or text(each.get("htmlValue"))).strip()],
    )
    attached = value.get("attachedFiles")
    picture = value.get("imageFile")
    for each in [*(attached if isinstance(attached, list) else [attached]), picture]:
        address = each.get("name") or each.get("url") if isinstance(each, dict) else each
        if isinstance(address, str) and address.strip():
            made.files.append((address, posixpath.basename(address)))
    made.metadata, large = rest(value, _KEYS, item.place)
    made.problems += large
    return made


def _of_page(source: Source, member: str) -> Iterator[_Entry | Problem]:
    told: set[Why] = set()
    try:
        with source.open(member) as stream:
            for cell in cells(stream, Place(member)):
                if isinstance(cell, Problem):
                    yield cell
                elif _is_gemini(cell.header):
                    yield from _of_cell(cell, Place(member), told)
    except (OSError, KeyError) as error:
        yield Problem(Place(member), why_of(error))


def _of_cell(cell: Cell, member: Place, told: set[Why]) -> Iterator[_Entry | Problem]:
    found, place = activity(cell.body), member.at(item=cell.number)
    for why in found.time.assumed if found.time else ():
        if why not in told and len(told) < 20:
            told.add(why)
            yield Problem(member, why, lost=False)
    answers = [found.answer] if found.answer.replace("<br>", "").replace("<br/>", "").strip() else []
    made = _Entry(place, found.question, found.time.at if found.time else None, answers)
    for address, name in found.links:
        if "://" not in address and not address.startswith(("mailto:", "javascript:", "#")):
            made.files.append((unquote(address), name or posixpath.basename(unquote(address))))
        elif address.startswith("https://"):
            made.metadata.setdefault("links", []).append(address[:2_000])
    if found.odd_time:
        made.metadata["time_there"] = found.odd_time[:500]
    if found.time is None:
        made.problems.append(Problem(place, ODD_TIME, lost=False))
    yield made


class _Activities:
    """Those of a file, as conversations."""

    def __init__(self, source: Source, member: str) -> None:
        self._source, self._member = source, member
        self._word: str | None = None
        """Before questions, in a language that is not known here."""
        self._others = 0
        self._problems: dict[Place, list[Problem]] = {}
        """Of turns that are not given yet, by their places."""

    def read(self, entries: Iterator[_Entry | Problem]) -> Iterator[Read]:
        pauses, waiting, learned = Pauses[None](newest_first=True), list[_Entry](), False
        for entry in entries:
            if isinstance(entry, Problem):
                yield entry
                continue
            waiting.append(entry)
            if not learned and len(waiting) < _LEARNED:
                continue
            if not learned:
                yield from self._learn(waiting)
            learned = True
            yield from self._turns(pauses, waiting)
            waiting = []
        if not learned:
            yield from self._learn(waiting)
        yield from self._turns(pauses, waiting)
        for _, turns in pauses.rest():
            yield from self._conversation(turns)
        if self._others:
            yield Problem(Place(self._member), Why("no_questions", n=self._others), lost=False)

    def _learn(self, entries: list[_Entry]) -> Iterator[Problem]:
        """The word that most entries with an answer begin with, where it is none of the known ones."""
        begins = [_begin(entry.title) for entry in entries if entry.answers and _known(entry.title) is None]
        begins = [word for word in begins if word]
        if not begins:
            return
        word, times = Counter(begins).most_common(1)[0]
        if times > 1 and times * 10 >= len(begins) * 7:
            self._word = word
            why = Why("google_word", word=word[:40])
        else:
            why = Why("google_words")
        yield Problem(Place(self._member), why, lost=False)

    def _turns(self, pauses: Pauses[None], entries: list[_Entry]) -> Iterator[Read]:
        for entry in entries:
            for _, turns in pauses.add(None, self._turn(entry)):
                yield from self._conversation(turns)

    def _turn(self, entry: _Entry) -> Turn:
        question, spoken = self._question(entry)
        key = digest(entry.at // 1_000_000 if entry.at else None, " ".join(entry.title.split()))
        files = self._files(entry)
        said: list[Said] = []
        if spoken:
            if question or files:
                said.append(Said(key, "user", question, at=entry.at, files=files, metadata=entry.metadata))
            else:
                self._tell(entry, Why("no_question"))
            said += self._answers(entry, key)
        else:
            said.append(Said(key, "system", question, at=entry.at, aside="hidden", metadata=entry.metadata))
        if entry.problems:
            self._problems.setdefault(entry.place, []).extend(entry.problems)
        return Turn(key, entry.at, entry.place, said, spoken)

    def _answers(self, entry: _Entry, key: str) -> Iterator[Said]:
        for number, html in enumerate(entry.answers[:100], 1):
            words, whole = markdown(html)
            if not whole:
                self._tell(entry, Why("markup_lost"))
            if words:
                yield Said(f"{key}/answer-{number}", "assistant", words, at=entry.at, name="Gemini")

    def _tell(self, entry: _Entry, why: Why) -> None:
        entry.problems.append(Problem(entry.place, why, lost=False))

    def _question(self, entry: _Entry) -> tuple[str, bool]:
        """What was asked, and whether it is a question at all."""
        title = "\n".join(each for each in entry.title.split("\n") if not (entry.files and _LISTED.match(each)))
        title = _ATTACHED.sub("", title).strip(" \n")
        verb = _known(title)
        if verb is None and self._word and _begin(title) == self._word:
            verb = self._word
        if verb is not None:
            return title[len(verb) :].strip(" \xa0\n").replace("\xa0", " "), True
        title = title.replace("\xa0", " ")
        if _DID.match(title):
            return title, False
        return title, bool(entry.answers)

    def _files(self, entry: _Entry) -> list[File]:
        """They lie beside the file that names them."""
        found: dict[str, File] = {}
        folder = posixpath.dirname(self._member)
        for address, name in entry.files[:100]:
            member = posixpath.normpath(posixpath.join(folder, address))
            there = member if member in self._source.members else None
            called = line(name) or posixpath.basename(address) or "file"
            found.setdefault(address, File(address[:200], called, member=there))
            if there is None:
                self._tell(entry, Why("files_by_name"))
        return list(found.values())

    def _conversation(self, turns: list[Turn]) -> Iterator[Read]:
        spoken = [turn for turn in turns if turn.spoken and turn.said]
        problems = [problem for turn in turns for problem in self._problems.pop(turn.place, ())]
        if not spoken:
            self._others += sum(not turn.spoken for turn in turns)
            yield from problems
            return
        said: dict[str, Said] = {}
        before: str | None = None
        for turn in turns:
            if turn.said and turn.said[0].key not in said:
                before = _chain(turn.said, before, said)
        yield Conversation(
            key=spoken[0].key, place=spoken[0].place, said=list(said.values()), tip=before, problems=problems
        )


def _chain(turn: list[Said], before: str | None, said: dict[str, Said]) -> str:
    """The question follows what was before, its answers follow it; returns the key of the one that goes on: the
    first answer."""
    turn[0].parent = before
    answers = turn[1:] if turn[0].by != "assistant" else turn
    for one in answers:
        one.parent = turn[0].key if one is not turn[0] and turn[0].by != "assistant" else before
    said.update((one.key, one) for one in turn)
    return answers[0].key if answers else turn[0].key


def _known(title: str) -> str | None:
    """The English words before a question, as they are written there; None: others."""
    low = title[:40].lower().replace("\xa0", " ")
    found = next((verb for verb in _ASKED if low.startswith(verb)), None)
    if found is None or (found[-1] != ":" and low[len(found) : len(found) + 1] not in ("", " ", "\n")):
        return None
    return title[: len(found)]


def _begin(title: str) -> str:
    """What stands before the first no-break space, else before the first space."""
    head, mark, _ = title[:60].partition("\xa0")
    return head if mark else title.split(maxsplit=1)[0][:40] if title.strip() else ""

"""llm's tables from version 0.32 on: messages are a tree by their hashes; a turn is what a call of a model added."""

import json
from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .base import Problem, Said
from .chain import ROLES, Chain
from .content import Call, Content, as_text
from .llm_responses import about, attachments, ended, fragments
from .reasons import Why
from .tables import Row, Tables
from .values import ODD_TIME, identifier, is_odd_time, line, listed, mapping, moment, text

_TURN = (
    *("id", "thread_id", "parent_message_hash", "tip_message_hash", "model", "resolved_model", "options_json"),
    *("datetime_utc", "duration_ms", "input_tokens", "output_tokens"),
)
_MOST_FORKS = 100


@dataclass(slots=True)
class _Part:
    row: Row
    payload: dict[str, Any]
    files: list[Any]
    """Ids of attachments."""


class Turns:
    def __init__(self, tables: Tables, chain: Chain, forked_from: Any) -> None:
        """``chain``: what was said before the first turn, as the first generation has it."""
        self._tables, self._chain, self._forked_from = tables, chain, forked_from
        self._before = [said for said in chain.said if said.aside in (None, "hidden")]
        self._keys: dict[str, str | None] = {}
        """Of messages that are there by their hashes: of the last that came of each."""
        self._turns: dict[str, tuple[Row, bool]] = {}
        """Which turn has added a message, and whether as its output."""

    def add(self, ids: Sequence[Any], tip: Any) -> str | None:
        """Adds what the turns say, the one below the other; returns the key of the last that is shown."""
        turns = self._rows("id", ids)
        rows: dict[str, Row] = {}
        for turn in [*self._earlier(), *turns]:
            self._give(turn, rows)
        tips = [*(turn["tip_message_hash"] or turn["parent_message_hash"] for turn in turns), tip]
        for end in tips:
            if isinstance(end, str):
                self._path(end, rows)
        shown = tip if isinstance(tip, str) and tip in self._keys else next((t for t in tips[-2::-1] if t), None)
        return self._keys.get(shown) if shown else None

    def _rows(self, by: str, values: Sequence[Any]) -> list[Row]:
        return sorted(self._tables.among("turns", _TURN, by, values), key=lambda row: str(row["id"]))

    def _earlier(self) -> list[Row]:
        """Turns of the threads that it was forked from: messages have no times of their own."""
        found: list[Row] = []
        seen: set[Any] = set()
        while self._forked_from and self._forked_from not in seen and len(seen) < _MOST_FORKS:
            seen.add(self._forked_from)
            found = [*self._rows("thread_id", [self._forked_from]), *found]
            before = self._tables.among("threads", ("forked_from",), "id", [self._forked_from])
            self._forked_from = before[0]["forked_from"] if before else None
        return found

    def _up(self, end: Any, rows: dict[str, Row], known: Container[str] = ()) -> list[str]:
        """The hashes from a message up to its root, or to one below a known one."""
        found: dict[str, None] = {}
        while isinstance(end, str) and end not in found and end not in known:
            if end not in rows:
                some = self._tables.among("messages", ("hash", "parent_hash", "role"), "hash", [end])
                if not some:
                    break
                rows[end] = some[0]
            found[end] = None
            end = rows[end]["parent_hash"]
        return list(found)

    def _give(self, turn: Row, rows: dict[str, Row]) -> None:
        """The messages that it is the first to have. Its question is the end of what it was given."""
        question = turn["parent_message_hash"]
        path = self._up(turn["tip_message_hash"], rows, self._turns)
        for hash in path[: path.index(question) if question in path else None]:
            self._turns[hash] = turn, True
        for hash in self._up(question, rows, self._turns):
            self._turns[hash] = turn, False

    def _path(self, end: str, rows: dict[str, Row]) -> None:
        path = self._up(end, rows, self._keys)[::-1]
        before = rows[path[0]]["parent_hash"] if path else end
        if before is not None and before not in self._keys:
            self._tell(Why("circle") if before in path else Why("earlier_missing") if path else Why("last_missing"))
        parts = self._parts(path)
        for hash in path:
            self._message(rows[hash], self._keys.get(rows[hash]["parent_hash"]), parts.get(hash, []))

    def _tell(self, why: Why) -> None:
        problem = Problem(self._chain.place, why, lost=False)
        if problem not in self._chain.problems:
            self._chain.problems.append(problem)

    def _parts(self, hashes: list[str]) -> dict[str, list[_Part]]:
        wanted = ("id", "message_hash", "position", "type", "tool_name", "text", "payload")
        rows = self._tables.among("parts", wanted, "message_hash", hashes)
        files: dict[Any, list[Any]] = {}
        joined = self._tables.among(
            "part_attachments", ("part_id", "attachment_id"), "part_id", [r["id"] for r in rows]
        )
        for row in joined:
            files.setdefault(row["part_id"], []).append(row["attachment_id"])
        found: dict[str, list[_Part]] = {}
        for row in sorted(rows, key=lambda row: row["position"] if isinstance(row["position"], int) else 0):
            payload: Any = None
            with suppress(ValueError, RecursionError):
                payload = json.loads(text(row["payload"]) or "{}")
            if not isinstance(payload, dict):
                self._tell(Why("part_damaged", part=str(row["id"])))
            found.setdefault(row["message_hash"], []).append(_Part(row, mapping(payload), files.get(row["id"], [])))
        return found

    def _message(self, row: Row, follows: str | None, parts: list[_Part]) -> None:
        hash, by = row["hash"], ROLES.get(text(row["role"]).lower(), "assistant")
        turn, answered = self._turns.get(hash, (dict.fromkeys(_TURN), False))
        asked = moment(turn["datetime_utc"])
        if is_odd_time(turn["datetime_utc"]):
            self._tell(ODD_TIME)
        at = ended(asked, turn) if answered else asked
        model = (line(turn["resolved_model"]) or line(turn["model"])) if by == "assistant" and answered else None
        content = self._content(parts)
        said = Said(hash, by, content.text, at=at, model=model, name=model if by == "assistant" else None)
        if self._before and (key := self._known(said, follows)):
            self._keys[hash] = key
            return
        said.metadata = about(turn) if answered and turn["tip_message_hash"] == hash else {}
        self._chain.last = follows
        results = [call for call in content.calls if call.output is not None]
        content.calls = [call for call in content.calls if call.output is None]
        for number, call in enumerate(results):
            self._chain.tool(call, f"{hash}/result{number or ''}", at)
        if by != "tool" or said.text or content.files:
            said.aside = "tool" if by == "tool" else None
            if not (by == "user" and results and not content.text and not content.files):
                self._chain.message(said, content)
        self._keys[hash] = self._chain.last

    def _known(self, said: Said, follows: str | None) -> str | None:
        """The key that it has where it repeats what the first generation says. What has no text is a call of a tool or
        its result, which come between."""
        first = self._before[0]
        if (first.by, first.text.strip()) == (said.by, said.text.strip()):
            return self._before.pop(0).key
        return follows if not said.text.strip() else None

    def _content(self, parts: list[_Part]) -> Content:
        content = Content(self._chain.place, problems=[])
        names = [
            piece.get("fragment") for part in parts for piece in map(mapping, listed(part.payload.get("text_ref")))
        ]
        known = fragments(self._tables, [name for name in names if name is not None])
        files = attachments(self._tables, [id for part in parts for id in part.files], self._chain)
        for part in parts:
            kind, payload = text(part.row["type"]), part.payload
            words = text(part.row["text"]) or text(payload.get("text")) or self._joined(payload, known)
            content.files += [files[id] for id in part.files]
            if kind == "text":
                content.texts.append(words)
            elif kind == "reasoning":
                content.reasoning += [words] if words else []
            elif kind in ("tool_call", "tool_result"):
                content.calls.append(_call(kind, part))
            elif kind == "attachment":
                if not part.files:
                    content.tell(Why("files_by_name"))
            else:
                content.add({"type": kind, **payload, **({"text": words} if words else {})})
        return content

    def _joined(self, payload: dict[str, Any], known: dict[Any, str]) -> str:
        pieces = []
        for piece in map(mapping, listed(payload.get("text_ref"))):
            if (name := piece.get("fragment")) is None:
                pieces.append(text(piece.get("literal")))
            elif name in known:
                pieces.append(known[name])
            else:
                self._tell(Why("fragment_missing", fragment=str(name)))
        return "".join(pieces)


def _call(kind: str, part: _Part) -> Call:
    payload = part.payload
    id, name = identifier(payload.get("tool_call_id")), line(part.row["tool_name"]) or line(payload.get("name"))
    if kind == "tool_call":
        return Call(id, name, as_text(payload.get("arguments")))
    failed = bool(payload.get("exception"))
    return Call(id, name, output=as_text(payload.get("output")) or as_text(payload.get("exception")), failed=failed)

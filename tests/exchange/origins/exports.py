"""Small exports as products make them, and what readers give of them."""

import json
import sqlite3
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from exchange.opened import opened
from exchange.origins.anythingllm import AnythingLLM
from exchange.origins.base import Conversation, Origin, Problem, Said
from exchange.origins.claude import Claude
from exchange.origins.gemini import Gemini
from exchange.origins.librechat import LibreChat
from exchange.origins.openwebui import OpenWebUI

AT = 1_790_000_000_000_000
ISO = "2026-09-21T14:13:20.000000Z"
PNG = bytes.fromhex("89504e470d0a1a0a") + b"picture"
PICTURE = "data:image/png;base64,iVBORw0KGgpwaWN0dXJl"
WEB: tuple[Origin, ...] = (Claude(), Gemini(), OpenWebUI(), LibreChat(), AnythingLLM())


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def zipped(path: Path, **members: Any) -> Path:
    """``__`` in a name is a slash."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            plain = content if isinstance(content, (str, bytes)) else json.dumps(content)
            file.writestr(name.replace("__", "/").replace("_json", ".json").replace("_html", ".html"), plain)
    return path


def read(origin: Origin, path: Path) -> tuple[list[Conversation], list[Problem]]:
    """The conversations, and what is told beside them."""
    with opened(path) as source:
        assert origin.recognises(source)
        found = list(origin.read(source))
    kept = [one for one in found if isinstance(one, Conversation)]
    return kept, [one for one in found if isinstance(one, Problem)]


def only(origin: Origin, path: Path) -> Conversation:
    (found,), problems = read(origin, path)
    assert problems == []
    return found


def recognised(path: Path, origins: Sequence[Origin] = WEB) -> list[str]:
    with opened(path) as source:
        return [origin.name for origin in origins if origin.recognises(source)]


def shown(conversation: Conversation) -> list[Said]:
    """The path to the tip, asides left out; by the newest leaf, where there is no tip."""
    by_key = {said.key: said for said in conversation.said}
    assert len(by_key) == len(conversation.said)
    followed = {said.parent for said in conversation.said}
    leaves = [said for said in conversation.said if said.key not in followed]
    at = by_key.get(conversation.tip or "") or max(leaves, key=lambda said: said.at or 0)
    path: list[Said] = []
    while at is not None and at not in path:
        path.append(at)
        at = by_key.get(at.parent or "")  # type: ignore[assignment]
    return [said for said in reversed(path) if said.aside is None]


def texts(conversation: Conversation) -> list[tuple[str, str]]:
    return [(said.by, said.text) for said in shown(conversation)]


def asides(conversation: Conversation) -> list[tuple[str | None, str]]:
    return [(said.aside, said.text) for said in conversation.said if said.aside]


def whys(conversation: Conversation) -> str:
    return "; ".join(str(problem.why) for problem in conversation.problems)


def claude(number: int = 1, *messages: dict[str, Any], **over: Any) -> dict[str, Any]:
    """A conversation of Claude's."""
    plain = [
        {
            "uuid": f"m{number}-1",
            "sender": "human",
            "text": "",
            "content": [{"type": "text", "text": f"bird {number}?"}],
        },
        {"uuid": f"m{number}-2", "sender": "assistant", "text": "", "content": [{"type": "text", "text": "an avocet"}]},
    ]
    made = [{"created_at": f"2026-09-21T14:{n:02d}:00.000000Z"} | m for n, m in enumerate(messages or plain, 14)]
    base = {"uuid": f"c{number}", "name": f"Birds {number}", "created_at": ISO, "updated_at": ISO}
    return base | {"account": {"uuid": "a"}, "chat_messages": made} | over


def gemini(number: int = 1, **over: Any) -> dict[str, Any]:
    """An entry of Gemini's; each a day before the one with the next lower number."""
    base = {
        "header": "Gemini Apps",
        "title": f"Prompted bird {number}?",
        "time": f"2026-09-{28 - number:02d}T10:00:00.500Z",
    }
    return base | {"products": ["Gemini Apps"], "safeHtmlItem": [{"html": f"<p>avocet <b>{number}</b></p>"}]} | over


def page(*cells: str, header: str = "Gemini Apps") -> str:
    """An activity as a page; a cell: what its first part has."""
    made = (
        f'<div class="outer-cell mdl-cell"><div class="mdl-grid"><div class="header-cell mdl-cell"><p>{header}'
        f'<br></p></div><div class="content-cell mdl-cell">{cell}</div><div class="content-cell mdl-cell--right"></div>'
        f'<div class="content-cell mdl-caption"><b>Products:</b><br>&emsp;{header}<br></div></div></div>'
        for cell in cells
    )
    style = "<style>.outer-cell{}</style>"
    return f'<html><head>{style}</head><body><div class="mdl-grid">{"".join(made)}</div></body></html>'


def openwebui(number: int = 1, messages: dict[str, Any] | None = None, **over: Any) -> dict[str, Any]:
    """A conversation of Open WebUI's."""
    if messages is None:
        messages = {
            f"q{number}": node(None, "user", f"bird {number}?", children=[f"a{number}"]),
            f"a{number}": node(f"q{number}", "assistant", "an avocet", model="llama3"),
        }
    for id, message in messages.items():
        message.setdefault("id", id)
    history = {"currentId": next(reversed(messages)), "messages": messages}
    chat = {"id": "", "title": f"Birds {number}", "models": ["llama3"], "history": history, "messages": []}
    base = {"id": f"w{number}", "user_id": "u1", "title": f"Birds {number}", "chat": chat, "created_at": 1_790_000_000}
    return base | {"updated_at": 1_790_000_100, "archived": False, "pinned": None, "meta": {}, "folder_id": None} | over


def node(parent: str | None, role: str, content: Any, children: Sequence[str] = (), **over: Any) -> dict[str, Any]:
    base = {"parentId": parent, "childrenIds": list(children), "role": role, "content": content}
    return base | {"timestamp": 1_790_000_000} | over


def librechat(number: int = 1, messages: list[dict[str, Any]] | None = None, **over: Any) -> dict[str, Any]:
    """A conversation of LibreChat's."""
    if messages is None:
        messages = [
            said(f"q{number}", None, f"bird {number}?"),
            said(f"a{number}", f"q{number}", "an avocet", sender="GPT-4", model="gpt-4"),
        ]
    base = {"conversationId": f"l{number}", "endpoint": "openAI", "title": f"Birds {number}", "exportAt": "10:55:38"}
    return base | {"branches": True, "recursive": False, "messages": messages} | over


def said(id: str, parent: str | None, text: str, sender: str = "User", **over: Any) -> dict[str, Any]:
    base = {"messageId": id, "parentMessageId": parent or "00000000-0000-0000-0000-000000000000", "text": text}
    return base | {"isCreatedByUser": sender == "User", "sender": sender, "model": None, "createdAt": ISO} | over


def anythingllm(number: int = 1, **over: Any) -> dict[str, Any]:
    """A chat of AnythingLLM's; each a day after the one before."""
    base = {
        "id": number,
        "prompt": f"bird {number}?",
        "response": "an avocet",
        "sent_at": f"2026-09-{number:02d}T10:00:00.000Z",
    }
    return base | {"attachments": [], "workspace": "Nature", "username": "ann", "rating": "--"} | over


def csv_of(*rows: dict[str, Any]) -> str:
    names = ["id", "workspace", "prompt", "response", "sent_at", "username", "rating"]
    quoted = (",".join('"' + str(row.get(name) or "").replace('"', '""') + '"' for name in names) for row in rows)
    return "\n".join([",".join(names), *quoted])


def database_of(path: Path, *chats: dict[str, Any]) -> Path:
    """AnythingLLM's, with two workspaces, threads and users."""
    with closing(sqlite3.connect(path)) as made:
        made.executescript(
            """CREATE TABLE workspaces (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO workspaces VALUES (1, 'Nature');
            CREATE TABLE workspace_threads (id INTEGER PRIMARY KEY, name TEXT, slug TEXT);
            INSERT INTO workspace_threads VALUES (7, 'Waders', 's');
            CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT);
            INSERT INTO users VALUES (1, 'ann'), (2, 'ben');
            CREATE TABLE workspace_chats (id INTEGER PRIMARY KEY AUTOINCREMENT, workspaceId INTEGER, prompt TEXT,
            response TEXT, include BOOLEAN DEFAULT 1, user_id INTEGER, thread_id INTEGER, api_session_id TEXT,
            createdAt DATETIME, feedbackScore BOOLEAN)"""
        )
        for chat in chats:
            row = {"workspaceId": 1, "include": 1, "user_id": 1, "createdAt": 1_790_000_000_000} | chat
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            made.execute(f"INSERT INTO workspace_chats ({names}) VALUES ({marks})", list(row.values()))
        made.commit()
    return path


def samples(folder: Path) -> dict[str, tuple[str, Path]]:
    """A file of each kind, and the product that it comes from."""
    plain = "Prompted\xa0bird?<br>Sep 21, 2026, 2:13:20\u202fPM UTC<br><p>an avocet</p>"
    line = {"messages": [{"role": role, "content": [{"type": "text", "text": "bird?"}]} for role in ("system", "user")]}
    chat = openwebui()["chat"]
    oldest = {"title": "Birds", "models": ["m"], "messages": [{"role": "user", "content": "bird?"}]}
    nested = librechat(messages=[said("q", None, "bird?") | {"children": [said("a", "q", "an avocet", sender="GPT")]}])
    made: dict[str, tuple[str, Any]] = {
        "claude.json": ("claude", [claude(1), claude(2)]),
        "claude-odd-first.json": ("claude", [{}, None, 5, claude(1)]),
        "claude-bom.json": ("claude", b"\xef\xbb\xbf" + json.dumps([claude(1)]).encode()),
        "gemini.json": ("gemini", [gemini(1), gemini(2)]),
        "gemini.html": ("gemini", page(plain)),
        "openwebui.json": ("openwebui", [openwebui(1), openwebui(2)]),
        "openwebui-legacy.json": ("openwebui", [chat]),
        "openwebui-oldest.json": ("openwebui", [oldest]),
        "librechat.json": ("librechat", librechat()),
        "librechat-nested.json": ("librechat", nested | {"recursive": True}),
        "anythingllm.json": ("anythingllm", [anythingllm(1), anythingllm(2)]),
        "anythingllm.csv": ("anythingllm", csv_of(anythingllm(1))),
        "anythingllm.jsonl": ("anythingllm", "\n".join([json.dumps(line), json.dumps(line)])),
        "alpaca.json": ("anythingllm", [{"instruction": "Be kind.", "input": "bird?", "output": "an avocet"}]),
    }
    found = {name: (origin, written(folder / name, content)) for name, (origin, content) in made.items()}
    return found | {
        "claude.zip": (
            "claude",
            zipped(folder / "claude.zip", conversations_json=[claude(1)], users_json=[{"uuid": "a"}]),
        ),
        "gemini.zip": ("gemini", zipped(folder / "gemini.zip", Takeout__X__Y_json=[gemini(1)])),
        "anythingllm.db": (
            "anythingllm",
            database_of(folder / "anythingllm.db", {"prompt": "bird?", "response": '{"text": "an avocet"}'}),
        ),
    }

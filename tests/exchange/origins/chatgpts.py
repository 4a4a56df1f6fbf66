"""Small ChatGPT exports, as they come by e-mail."""

from typing import Any

AT = 1_700_000_000.5


def text(*parts: Any, **over: Any) -> dict[str, Any]:
    return {"content_type": "text", "parts": list(parts)} | over


def message(key: str, role: str, content: Any, **over: Any) -> dict[str, Any]:
    base = {"id": key, "author": {"role": role, "name": None, "metadata": {}}, "create_time": None}
    content = text(content) if isinstance(content, str) else content
    return base | {"content": content, "metadata": {}, "recipient": "all", "weight": 1.0} | over


def node(key: str, parent: str | None, made: dict[str, Any] | None, **over: Any) -> dict[str, Any]:
    return {"id": key, "message": made, "parent": parent, "children": []} | over


def asked(key: str, parent: str | None, said: Any, at: float = 0, **over: Any) -> dict[str, Any]:
    return node(key, parent, message(key, "user", said, create_time=AT + at, **over))


def answered(key: str, parent: str | None, said: Any, at: float = 0, **over: Any) -> dict[str, Any]:
    over = {"metadata": {"model_slug": "gpt-4o"}} | over
    return node(key, parent, message(key, "assistant", said, create_time=AT + at, **over))


def conversation(number: int = 1, *nodes: dict[str, Any], **over: Any) -> dict[str, Any]:
    root = node(f"root{number}", None, None)
    plain = (
        asked(f"q{number}", root["id"], f"bird {number}?", 1),
        answered(f"a{number}", f"q{number}", "an avocet", 2),
    )
    mapping = {each["id"]: each for each in (root, *(nodes or plain))}
    for each in list(mapping.values()):
        if each["parent"] in mapping:
            mapping[each["parent"]]["children"].append(each["id"])
    base = {"id": f"c{number}", "conversation_id": f"c{number}", "title": f"Birds {number}", "mapping": mapping}
    times = {"create_time": AT, "update_time": AT + 100, "current_node": list(mapping)[-1]}
    return base | times | {"is_archived": False, "default_model_slug": "gpt-4"} | over

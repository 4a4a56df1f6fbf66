"""``/export``: this conversation as a file. It is made when it is fetched, so it is no file of the conversation."""

from urllib.parse import quote

import exchange
from datalayer.text import fold

from ..texts import say
from ..texts.markdown import escape
from .asked import Asked, Reply

PATH = "/export"
"""Of the route that makes the file: ``assistant/server/exporting.py``."""
_WORDS = {
    "markdown": ("", "markdown", "md", "text", "texte"),
    "html": ("html", "page", "web"),
    "pdf": ("pdf",),
    "json": ("json",),
    "jsonl": ("jsonl", "openai"),
    "csv": ("csv", "usage", "consommation", "excel"),
}
"""What means each format, folded."""
_NAMES = {"markdown": "Markdown", "html": "HTML", "pdf": "PDF", "json": "JSON", "jsonl": "JSON Lines", "csv": "CSV"}
_SHOWN = 100


async def export(asked: Asked) -> Reply:
    to, words = asked.to, fold(asked.words).strip(" .`")
    name = next((name for name, known in _WORDS.items() if words in known), None)
    if name is None:
        formats = ", ".join(f"`{each}`" for each in _NAMES)
        return Reply(say("export_how", to, words=escape(asked.words[:_SHOWN]), formats=formats))
    if exchange.missing(name):
        return Reply(say("export_missing", to, format=_NAMES[name]))
    if asked.temporary is None:
        link = f"{asked.root}{PATH}/{quote(asked.thread.id, safe='')}?format={name}&lang={to}"
        return Reply(say("export_link", to, format=_NAMES[name], link=link))
    if name == "csv":
        return Reply(say("temporary_command", to))
    file, mime, content = await exchange.export_thread(asked.temporary, name, to)
    return Reply(say("export_temporary", to, format=_NAMES[name]), file=(file, mime, content))

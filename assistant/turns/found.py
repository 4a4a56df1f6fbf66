"""What was found, in Markdown: where it was said, when, and the words around it."""

from datetime import datetime
from unicodedata import category

from datalayer.search.results import Hit
from datalayer.search.snippets import Snippet
from datalayer.text import one_line

from ..texts import Language, date, say
from ..texts.markdown import escape


def line(hit: Hit, to: Language, root: str) -> str:
    """An item of a list. ``root``: the path the app is mounted under, without a trailing slash."""
    when = date(datetime.fromtimestamp(hit.at / 1e6), to)
    told = hit.snippet.text == one_line(hit.thread_name or "")  # a conversation is named after its first message
    if hit.archived:
        when = f"{when}, {say('archived_hit', to)}"
    return f"- {link(hit, to, root)} ({when}){'' if told else quotation(hit.snippet, to)}"


def link(hit: Hit, to: Language, root: str) -> str:
    """To the message in its conversation (public/page/part.js), or to the conversation."""
    step = f"?step={hit.step_id}" if hit.step_id else ""
    return f"[{escape(hit.thread_name or say('untitled', to))}]({root}/thread/{hit.thread_id}{step})"


def quotation(snippet: Snippet, to: Language) -> str:
    """What goes behind the name of where it was said; "" for an empty one."""
    text, at = "", 0
    for start, end in snippet.marks:
        text += escape(snippet.text[at:start]) + _strong(snippet.text[start:end])
        at = end
    text += escape(snippet.text[at:])
    return (" — " if to == "en" else " – ") + say("quote", to, text=text) if text else ""


def _strong(text: str) -> str:
    """Two stars beside another sign than a letter or a digit may mean nothing in Markdown."""
    safe = all(category(character)[0] in "LMN" for character in (text[0], text[-1]))
    return f"**{escape(text)}**" if safe else escape(text)

"""``[1]`` in an answer opens the passage that it cites, in its place: elements of Chainlit's that are named so.

The page finds the names of elements in an answer by itself; public/page/sources.js keeps it from doing so in code.
What an element shows is asked for when it is opened: ``datalayer/chainlit/sources.py``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import chainlit as cl

from datalayer import DataLayer, source_url
from datalayer.passages import CITES, Cited, ContextFile, Passage

from ..marks import SOURCES
from ..texts import accepted, say
from ..turns import passages, places
from ..turns.sources import Source, cited, digest_of, numbers
from . import temporary
from .session import session_language


class Citing:
    """The sources of one answer. ``files``: those of the conversation, by the ids of their elements."""

    def __init__(self, answer: cl.Message, files: Mapping[str, ContextFile]) -> None:
        kept = (answer.metadata or {}).get(SOURCES)
        self._answer, self._files, self._text = answer, files, answer.content
        self._stored: list[dict[str, Any]] = list(kept) if isinstance(kept, list) else []
        self.numbers = numbers(self._stored)
        """By which the answer has cited passages before it goes on."""

    @property
    def marks(self) -> dict[str, Any]:
        """What the stored answer says of what it cites."""
        return {SOURCES: self._stored} if self._stored else {}

    def found(self, piece: str, among: Sequence[Source]) -> list[Source]:
        """What the answer cites with its next ``piece`` that it has not cited before."""
        self._text += piece
        if not among or "]" not in piece:
            return []
        given = {source.n: source for source in among}
        new = [given[n] for n in cited(self._text, given.keys() - set(self.numbers.values()))]
        for source in new:
            self.numbers[source.part.key] = source.n
            self._stored = [*self._stored, source.stored()]
        return new

    async def show(self, sources: Sequence[Source]) -> None:
        for source in sources:
            element = _element(source, self._files.get(source.part.element_id))
            await element.send(for_id=self._answer.id)


def _element(source: Source, file: ContextFile | None) -> Any:
    part, to = source.part, session_language()
    pages = part.place.pages if file and is_pdf(file.name, file.mime) else None
    element: Any
    if temporary.here():  # the file is in the session's folder only
        element = _of_a_page(pages[0], file) if pages and file else cl.Text(content=_said(source))
    else:
        element = cl.Pdf(url="/", page=pages[0]) if pages else cl.Text(url="/")
        element.url = source_url(element.thread_id, element.id)
    element.name, element.display = f"[{source.n}]", "side"
    named = say("source_other", to) if part.thread_id else passages.title(part.name, part.place, to)
    told = {"thread_name": part.name} if part.thread_id and part.name else {}  # as it is called now, for exports
    element.props = {CITES: {**source.stored(), **told}, "title": named}
    return element


def _of_a_page(page: int, file: ContextFile) -> Any:
    """Of a PDF that was uploaded into this session."""
    element = cl.Pdf(path=file.blob, page=page)
    element.chainlit_key, element.persisted = file.element_id, True
    return element


def _said(source: Source) -> str:
    part = source.part
    return passages.markdown(part.name, Passage(part.text, part.place), session_language())


def is_pdf(name: str, mime: str | None) -> bool:
    return mime == "application/pdf" or Path(name).suffix.lower() == ".pdf"


async def as_now(thread_id: str, elements: Sequence[Any] | None, layer: DataLayer) -> list[Any]:
    """``elements`` of a thread as a page is to show them: what cites a page of a PDF that is no longer in the
    conversation says so. Raises DataLayerError."""
    elements = elements or ()
    if not any(_is_page(element) for element in elements):
        return list(elements)
    files = await layer.store.context_files(thread_id, left_out=True)
    there = {key for file in files for key in (file.element_id, file.sha256)}

    def now(element: Any) -> Any:
        source = element["props"][CITES] if _is_page(element) else {}
        gone = source and not there & {source.get("element"), source.get("content")}
        return {**element, "type": "text", "mime": "text/plain"} if gone else element

    return [now(element) for element in elements]


async def pages_as_now(thread_id: str, layer: DataLayer) -> list[Any]:
    """The pages of PDFs that answers cite as they are to be shown now. Raises DataLayerError."""
    thread = await layer.get_thread(thread_id)
    pages = [element for element in (thread["elements"] if thread else None) or [] if _is_page(element)]
    return await as_now(thread_id, pages, layer)


def _is_page(element: Any) -> bool:
    props = element.get("props")
    return element.get("type") == "pdf" and isinstance(props, Mapping) and isinstance(props.get(CITES), Mapping)


def tell(cited: Cited, language: str | None) -> str:
    """What the panel shows of a passage that an answer cites."""
    to = accepted(language)
    name, place = str(cited.source.get("name") or ""), places.stored(cited.source.get("place"))
    said = cited.passages[0] if cited.passages else None
    if "step" in cited.source:
        return passages.message(name, said.text if said else None, cited.link, to)
    if said is None or digest_of(said.text) != cited.source.get("digest"):
        return passages.gone(name, place, to)
    return passages.markdown(name, said, to, cited.before, cited.after)

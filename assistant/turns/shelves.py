"""Where the files of a conversation are kept: in the store, or in memory for one of which nothing is stored."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datalayer import Store
from datalayer.passages import LEFT_OUT, ContextFile, FileText, FoundPassage, Passage, kind_of
from datalayer.records import now
from datalayer.search import postings
from datalayer.search.bm25 import rank
from datalayer.search.stems import wanted, words
from datalayer.text import fold
from datalayer.writes import Actor, UpsertElement

from .taking_in import Content


async def leave_out(store: Store, actor: Actor, thread_id: str, elements: Iterable[str], out: bool = True) -> None:
    """No answer draws on these files any more; or, with ``out`` False, again. Raises DataLayerError."""
    values = {"props": {LEFT_OUT: True} if out else None}
    for key in elements:
        await store.submit(UpsertElement(actor=actor, thread_id=thread_id, id=key, at=now(), values=values))


@dataclass(frozen=True, slots=True)
class Stored:
    store: Store
    thread_id: str

    async def files(self) -> Sequence[ContextFile]:
        return await self.store.context_files(self.thread_id)

    async def find(
        self, question: str, before: Sequence[str], limit: int, elements: Collection[str]
    ) -> Sequence[FoundPassage]:
        return await self.store.find_passages(self.thread_id, question, before=before, limit=limit, elements=elements)

    async def read(self, element_id: str, first: int, last: int) -> Sequence[Passage]:
        return await self.store.read_passages(self.thread_id, element_id, first, last)


@dataclass(eq=False)
class InMemory:
    """Always true: nothing of it leaves this process, and it is gone with the session that holds it."""

    thread_id: str
    _listed: dict[str, ContextFile] = field(default_factory=dict)
    _texts: dict[Content, FileText] = field(default_factory=dict)
    _words: dict[Content, postings.Indexed] = field(default_factory=dict)

    def add(self, file: ContextFile) -> None:
        """A file that nobody has read yet."""
        self._listed.setdefault(file.element_id, file)

    async def keep(self, sha256: str, text: FileText) -> None:
        self._words[sha256, text.kind] = await asyncio.to_thread(_indexed, text)
        self._texts[sha256, text.kind] = text

    def drop(self, element_id: str) -> None:
        self._listed.pop(element_id, None)

    async def files(self) -> Sequence[ContextFile]:
        newest = {fold(file.name): file for file in self._listed.values()}
        return [self._now(file, newest[fold(file.name)]) for file in self._listed.values()]

    def _now(self, file: ContextFile, newest: ContextFile) -> ContextFile:
        """As ``file`` is read by now, beside the ``newest`` of its name."""
        known: dict[str, Any] = {name: getattr(file, name) for name in ContextFile.__slots__}
        known["superseded"] = newest is not file and newest.for_id != file.for_id
        if text := self._texts.get(_content(file)):
            known |= {"status": "refused" if text.refused else "read", "reader": text.reader, "refused": text.refused}
            known |= {"pages": text.pages, "passages": len(text.passages), "cut": text.cut}
        return ContextFile(**known)

    async def find(
        self, question: str, before: Sequence[str], limit: int, elements: Collection[str]
    ) -> Sequence[FoundPassage]:
        files = {key: self._words[_content(file)] for key, file in self._read_of(elements).items()}
        names = {key: frozenset(words(self._listed[key].name)) for key in files}
        best = rank(wanted(question, before), files, limit, names)
        return [self._found(*each) for each in best]

    def _read_of(self, elements: Collection[str]) -> Mapping[str, ContextFile]:
        """Of equal contents the newest."""
        newest = {_content(file): key for key, file in self._listed.items() if key in elements}
        return {key: self._listed[key] for content, key in newest.items() if content in self._texts}

    def _found(self, key: str, number: int, score: float) -> FoundPassage:
        file = self._listed[key]
        said = self._texts[_content(file)].passages[number - 1]
        return FoundPassage(key, file.name, number, said.place, said.text, score, self.thread_id, None)

    async def read(self, element_id: str, first: int, last: int) -> Sequence[Passage]:
        file = self._listed.get(element_id)
        text = self._texts.get(_content(file)) if file else None
        return text.passages[max(first, 1) - 1 : last] if text else ()


def _content(file: ContextFile) -> Content:
    return file.sha256, kind_of(file.name, file.mime)


def _indexed(text: FileText) -> postings.Indexed:
    return postings.index(postings.said(each) for each in text.passages)

"""The step that shows how far files are read, and what is told of each."""

from collections import defaultdict
from collections.abc import Collection, Sequence

import chainlit as cl
from chainlit.utils import utc_now

from datalayer.passages import ContextFile, FileText, unit_of
from datalayer.text import fold

from ..retrieval.extract import can_read
from ..texts import Language, say
from ..texts.markdown import escape

_MEDIA = ("image/", "audio/", "video/")
_SHOWN = 10
"""Files of which it shows how far they are."""


class Progress:
    """A step that says of each file what was read of it."""

    def __init__(self, files: Sequence[ContextFile], to: Language) -> None:
        self.to, self._files = to, files
        self._known: dict[str, str] = {}
        self.sentences: list[str] = []
        """One for each file that is none of the context, or of which the beginning alone is."""
        self._step = cl.Step(name=say("reading", to, n=len(files)), type="tool", show_input=False)
        self._step.parent_id = cl.context.current_step.id if cl.context.current_step else None
        self._step.created_at = self._step.start = utc_now()

    async def show(self) -> None:
        self._step.output = self._text()
        await self._step.send()

    async def told(self, file: ContextFile, text: FileText | None) -> None:
        if text is None:
            self.note(file, "failed")
        else:
            self.note(file, text.refused, text.pages, len(text.passages), text.cut)
        self._step.output = self._text()
        await self._step.update()

    def note(
        self, file: ContextFile, refused: str | None, pages: int | None = None, passages: int = 0, cut: bool = False
    ) -> None:
        if refused:
            self.sentences.append(say(f"file_{refused}", self.to, name=file_name(file)))
            self._known[file.element_id] = say("reading_refused", self.to, name=file_name(file))
            return
        counts = [say(f"{unit_of(file.name, file.mime)}s_read", self.to, n=pages)] if pages else []
        read = ", ".join([*counts, say("passages_read", self.to, n=passages)])
        if cut:
            self.sentences.append(say("file_cut", self.to, name=file_name(file), read=read))
        told = "reading_done_cut" if cut else "reading_done"
        self._known[file.element_id] = say(told, self.to, name=file_name(file), read=read)

    async def end(self) -> None:
        self._step.end = utc_now()
        self._step.output = self._text(over=True)
        await self._step.update()

    def _text(self, over: bool = False) -> str:
        waiting = [file for file in self._files if file.element_id not in self._known]
        reading = "reading_on" if over else "reading_now"
        done = [self._known[file.element_id] for file in self._files if file.element_id in self._known]
        lines = [*done, *(say(reading, self.to, name=file_name(file)) for file in waiting)]
        more = [say("files_more", self.to, n=len(lines) - _SHOWN)] if len(lines) > _SHOWN else []
        return "\n".join(f"- {line}" for line in [*lines[-_SHOWN:], *more])


def of_new(files: Sequence[ContextFile], new: Collection[str], to: Language) -> list[str]:
    """What nothing reads, what another file of the same name is a new version of, and which have come together under
    one name. ``new``: ids of those that have come with the message."""
    come = [file for file in files if file.element_id in new and not (file.mime or "").startswith(_MEDIA)]
    old = {fold(file.name) for file in files if file.superseded and file.element_id not in new}
    together: dict[str, set[str]] = defaultdict(set)
    for file in come:
        together[fold(file.name)].add(file.sha256)
    told: dict[str, None] = {}
    for file in come:
        key, name = fold(file.name), file_name(file)
        if file.status == "waiting" and not can_read(file.name, file.mime):
            told[say("file_not_text", to, name=name)] = None
            continue
        if key in old:
            told[say("file_version", to, name=name)] = None
        if len(together[key]) > 1:
            told[say("file_together", to, n=len(together[key]), name=name)] = None
    return list(told)


def file_name(file: ContextFile) -> str:
    """In Markdown, as it is shown to a person."""
    return escape(" ".join(file.name.split())[:100])

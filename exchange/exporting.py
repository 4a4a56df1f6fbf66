"""Threads out of a store as a stream of bytes, in the format and the packing that fit."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from datalayer import APPLICATION, InvalidInput, NotFound
from datalayer.records import now, to_iso
from datalayer.whole import FIRST, WholeThread

from .formats import DOCUMENTS, FORMATS, PAGES, missing
from .formats.base import About, encoded
from .formats.csv import rows
from .packing import Packing, Page, PagesZip, Sheet, SheetZip, page_name
from .selection import Batch, Selection, Source, batches
from .signing import Signer
from .texts import Language, say

T = TypeVar("T")
_PIECE = 1 << 18
"""Bytes of a piece, or a few more."""
_slow = ThreadPoolExecutor(2, "exchange-pages")
"""For pages that may take minutes: so many are made at once, and nothing else waits for them."""
Work = Callable[..., Awaitable[bytes]]
"""Runs a function with its arguments in a thread."""
Counted = Callable[[int], None]
"""Is told how many threads have been written."""


@dataclass(frozen=True, slots=True)
class Export:
    name: str
    """For the file: as ``names.safe``."""
    mime: str
    pieces: AsyncIterator[bytes]
    """Raises DataLayerError, OSError."""


class NotInstalled(InvalidInput):
    """What the format needs is not installed."""


def check_name(name: str) -> None:
    """Raises InvalidInput for what is no format, NotInstalled for one whose library is not there."""
    if name not in FORMATS:
        raise InvalidInput(f"The formats are {', '.join(FORMATS)}")
    if missing(name):
        raise NotInstalled("PDF needs Typst: pip install 'threadkeep[pdf]'")


async def export(
    source: Source,
    chosen: Selection,
    name: str,
    to: Language = "en",
    packed: Literal["zip", "plain"] | None = None,
    counted: Counted = lambda _: None,
    signer: Signer | None = None,
) -> Export:
    """``name``: of the format. ``packed``: whether it is a ZIP with the files, or a document without; None: whichever
    fits. ``signer``: signs the chains, which JSON alone has. Raises NotFound where there is no such thread,
    InvalidInput, StoreUnavailable."""
    check_name(name)
    about = About(now(), chosen.told(), to, sign=signer.sign if signer else None)
    if name == "csv" and (chosen.ids, chosen.listed, chosen.folder) == (None, None, None):
        return Export(f"usage-{_day(about)}.csv", DOCUMENTS[name].mime, _usage(source, chosen, about))
    found = batches(source, chosen)
    first = await _first(found)
    alone = first.threads[0] if chosen.ids is not None and len(chosen.ids) == 1 else None
    if alone is None and name in PAGES and packed == "plain" and len(first.threads) == 1:
        alone = first.threads[0] if await _further(found) is None else None
    packing, ending, mime = _packing(name, about, source, alone, packed)
    title = f"{say('name', to)}-{_day(about)}{ending}" if alone is None else page_name(alone, ending, about)
    work = _in_slow_thread if name in PAGES and PAGES[name].slow else source.with_files
    return Export(title, mime, _pieces(work, packing, _with(first, found), counted))


async def _in_slow_thread(function: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_slow, function, *args)


async def export_thread(whole: WholeThread, name: str, to: Language = "en") -> tuple[str, str, bytes]:
    """The name, the type and the content of a file of a thread that no store has, without the contents of its files.
    ``name``: of the format. Raises InvalidInput."""
    check_name(name)
    about = About(now(), Selection(whole.thread.user_id, (whole.thread.id,)).told(), to)
    packing = Page(PAGES[name], about, _Nothing()) if name in PAGES else Sheet(DOCUMENTS[name], about)
    content = await _in_slow_thread(_all, packing, whole)
    return page_name(whole, FORMATS[name].ending, about), FORMATS[name].mime, content


def _all(packing: Packing, whole: WholeThread) -> bytes:
    return b"".join([*packing.begin(), *packing.add([whole]), *packing.end()])


class _Nothing:
    def open(self, name: str) -> io.BufferedIOBase:
        raise FileNotFoundError


async def _first(found: AsyncIterator[Batch]) -> Batch:
    if (batch := await _further(found)) is None:
        raise NotFound("There is no such conversation")
    return batch


async def _further(found: AsyncIterator[Batch]) -> Batch | None:
    async for batch in found:
        if batch.threads:
            return batch
    return None


def _packing(
    name: str, about: About, source: Source, alone: WholeThread | None, packed: str | None
) -> tuple[Packing, str, str]:
    """And the ending and the type of what it gives."""
    has_files = alone is None or bool(alone.contents)
    if name in PAGES:
        pages = PAGES[name]
        if packed == "zip" or (packed is None and (alone is None or (pages.beside and has_files))):
            return PagesZip(pages, about, source.blobs), ".zip", "application/zip"
        if alone is None:
            raise InvalidInput("Several conversations, each a page of its own, need a ZIP")
        return Page(pages, about, source.blobs), pages.ending, pages.mime
    document = DOCUMENTS[name]
    if packed == "zip" or (packed is None and document.has_references and has_files):
        return SheetZip(document, about, source.blobs), ".zip", "application/zip"
    return Sheet(document, about), document.ending, document.mime


def _day(about: About) -> str:
    return (to_iso(about.at) or "")[:10]


async def _with(first: Batch, others: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
    yield first
    async for batch in others:
        yield batch


async def _pieces(work: Work, packing: Packing, found: AsyncIterator[Batch], counted: Counted) -> AsyncIterator[bytes]:
    done = 0
    async for piece in pulled(work, packing.begin()):
        yield piece
    async for batch in ahead(found):
        async for piece in pulled(work, packing.add(batch.threads)):
            yield piece
        counted(done := done + len(batch.threads))
    async for piece in pulled(work, packing.end()):
        yield piece


async def pulled(work: Work, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, made in threads beside the event loop, some at a time."""
    while some := await work(_some, pieces):
        yield some


def _some(pieces: Iterator[bytes]) -> bytes:
    some, size = [], 0
    for piece in pieces:
        some.append(piece)
        size += len(piece)
        if size >= _PIECE:
            break
    return b"".join(some)


async def ahead(found: AsyncIterator[T]) -> AsyncIterator[T]:
    """The same; the next one is read while one is used."""

    async def following() -> T | None:
        return await anext(found, None)

    reading = asyncio.create_task(following())
    try:
        while (each := await reading) is not None:
            reading = asyncio.create_task(following())
            yield each
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([reading])


async def _usage(source: Source, chosen: Selection, about: About) -> AsyncIterator[bytes]:
    """All that was spent, in conversations that are gone, too."""
    yield encoded(DOCUMENTS["csv"].head(about))
    async for user_id, name in _spenders(source, chosen):
        after = FIRST
        while some := await source.calls(user_id, after):
            after = some[-1].position
            yield encoded(rows(some, name))


async def _spenders(source: Source, chosen: Selection) -> AsyncIterator[tuple[str, str | None]]:
    """Ids and names."""
    if chosen.author is not APPLICATION:
        yield str(chosen.author or ""), None
        return
    after = ""
    while some := await source.users(after):
        after = some[-1].id
        for user in some:
            yield user.id, user.identifier
    yield "", None

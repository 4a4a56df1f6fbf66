"""``/import``: the conversations of an attached export become the person's own. The export is no file of the
conversation afterwards: what is in it is stored, and the export itself once would be twice."""

import asyncio
import logging
from collections.abc import Sequence

import exchange
from datalayer import StoreUnavailable
from datalayer.records import now
from datalayer.writes import DeleteElement
from exchange.importing import Report, bounded
from exchange.importing.telling import told

from ..texts import say
from ..texts.markdown import escape
from .asked import Asked, Attached, Reply
from .files_here import shown

logger = logging.getLogger("assistant")
_BELOW = 20
"""Lines that are shown below a sentence of a report."""


async def bring_in(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    page = f"{asked.root}/library/import"
    if asked.identifier is None:
        return Reply(say("import_nobody", asked.to))
    if not asked.attached:
        return Reply(say("import_how", asked.to, page=page))
    said, gone, moved = [], list[str](), False
    for file in asked.attached:
        try:
            report = await _imported(asked, file)
        except bounded.Busy:
            said.append(say("import_busy", asked.to, page=page))
            break
        except StoreUnavailable:
            said.append(say("import_away", asked.to))
            break
        except OSError as error:
            logger.warning("an import failed: %s", type(error).__name__)
            said.append(say("import_failed", asked.to, name=shown(file.name)))
            continue
        said.append(_told(report, file, asked))
        if report.origin is not None:
            gone.append(file.id)
            await _remove(asked, file)
        moved = moved or bool(report.stored)
    if gone:
        said.append(say("import_kept" if asked.temporary is None else "import_kept_temporary", asked.to))
    return Reply("\n\n".join(said), moved=moved, gone=tuple(gone))


async def _imported(asked: Asked, file: Attached) -> Report:
    asked.progress(0)
    store, most = asked.services.layer.store, asked.services.storage
    async with bounded.turn(asked.user):
        # The export itself is removed once it is in.
        own = (await asyncio.to_thread(file.path.stat)).st_size if asked.temporary is None else 0
        used = (await store.stored_files(asked.user)).bytes - own
        return await exchange.run_import(
            store,
            file.path,
            asked.identifier,
            actor=asked.actor,
            progress=asked.progress,
            limits=bounded.LIMITS,
            room=None if most is None else max(0, most - used),
        )


async def _remove(asked: Asked, file: Attached) -> None:
    if asked.temporary is None:
        store, thread_id = asked.services.layer.store, asked.thread.id
        await store.submit(DeleteElement(actor=asked.actor, thread_id=thread_id, id=file.id, at=now()))
    await asyncio.to_thread(file.path.unlink, missing_ok=True)


def _told(report: Report, file: Attached, asked: Asked) -> str:
    parts = [f"**{shown(file.name)}**"]
    for sentence, below in _parted(told(report, asked.to)):
        lines = [f"- {escape(line)}" for line in below[:_BELOW]]
        lines += [f"- {say('import_more', asked.to, n=len(below) - _BELOW)}"] if len(below) > _BELOW else []
        parts.append("\n".join([escape(sentence), "", *lines]).rstrip())
    if report.came:
        links = [f"- {asked.link(key, name)}" for key, name in report.came]
        parts.append("\n".join([say("import_came", asked.to), "", *links]))
        parts.append(say("import_list", asked.to, page=f"{asked.root}/library?kind=imported"))
    return "\n\n".join(parts)


def _parted(lines: Sequence[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith(" ") and found:
            found[-1][1].append(line.strip())
        else:
            found.append((line, []))
    return found

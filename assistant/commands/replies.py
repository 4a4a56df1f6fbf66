"""What each command answers, in Markdown. All that it shows and changes is the asking person's own."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from urllib.parse import quote

from datalayer.records import Thread, now, utc_offset
from datalayer.search.query import parse
from datalayer.text import NAME_LENGTH, clean, one_line
from datalayer.writes import UpdateThread

from ..models import OFFLINE
from ..texts import date, minutes, say
from ..texts.markdown import code, escape
from ..turns.extract import localised
from ..turns.history import rebuild
from ..turns.shelves import leave_out
from ..turns.summaries import write_summary
from ..turns.turn import input_space
from . import export, files, fork, importing, info, merge, organise, search, trash, usage, versions
from .asked import Asked, Reply
from .names import COMMANDS, Typed

_LISTED = 20
_DAYS = 30


async def reply(typed: Typed, asked: Asked) -> Reply:
    """The answer to a command, or to a word that is none. Raises DataLayerError."""
    if typed.command is None:
        name = typed.name.replace("`", "")
        if typed.nearest is None:
            return Reply(say("unknown_command", asked.to, name=name))
        return Reply(say("unknown_command_near", asked.to, name=name, nearest=typed.nearest.name(asked.to)))
    return await _REPLIES[typed.command.key](asked)


async def _sessions(asked: Asked) -> Reply:
    to, memory, limit = asked.to, asked.services.memory, asked.services.limits.per_user
    held = await memory.sessions(asked.user)
    counts = await asked.services.layer.store.message_counts([session.thread_id for session in held])
    for session in held:
        if not counts[session.thread_id]:  # it was deleted
            await memory.drop(asked.user, session.thread_id)
    lines = [
        f"## {say('sessions_title', to, backend=say(f'backend_{memory.backend}', to))}",
        "",
        say(f"sessions_limit{'_one' * (limit == 1)}", to, count=limit) + "  ",  # two spaces: a line break
        say("sessions_ttl", to, time=minutes(asked.services.limits.ttl, to, short=False)),
    ]
    for place, session in enumerate((session for session in held if counts[session.thread_id]), 1):
        current = f" {say('sessions_current', to)}" if session.thread_id == asked.thread.id else ""
        title = f"[Session {place}]({asked.root}/thread/{session.thread_id})"
        lines += ["", f"### {title}{current}", "", say("sessions_id", to, id=session.thread_id[:12])]
        lines += [say("sessions_messages", to, count=session.messages)]
        lines += [say("sessions_expires", to, time=minutes(session.expires_in, to))]
    return Reply("\n".join(lines))


async def _threads(asked: Asked) -> Reply:
    to, store = asked.to, asked.services.layer.store
    if asked.words:
        return Reply(await search.threads(store, asked.user, asked.words, to, asked.root))
    threads = (await store.threads(asked.user, first=_LISTED)).threads
    counts = await store.message_counts([thread.id for thread in threads])
    lines = [_entry(asked, thread, counts[thread.id]) for thread in threads]
    return Reply("\n".join([f"**{say('threads_title', to)}**", "", *lines]) if lines else say("threads_none", to))


async def _search(asked: Asked) -> Reply:
    if not asked.words:
        return Reply(say("search_how", asked.to))
    said = await search.messages(asked.services.layer.store, asked.user, asked.words, asked.to, asked.root)
    terms = parse(asked.words, now(), utc_offset()).terms
    words = " ".join(word for term in terms if not term.excluded for word in term.tokens)
    return Reply("\n\n".join(filter(None, (said, await files.found(asked, words, _FROM_FILES)))))


_FROM_FILES = 3


def _entry(asked: Asked, thread: Thread, count: int) -> str:
    to, when = asked.to, date(datetime.fromtimestamp(thread.last_activity_at / 1e6), asked.to)
    told = [asked.link(thread.id, thread.name), when, say("messages", to, n=count), *organise.place(thread, to)]
    return f"- {' · '.join(told)}"


async def _usage(asked: Asked) -> Reply:
    store, to, label = asked.services.layer.store, asked.to, asked.services.providers.label
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    today, offset = midnight.timestamp(), midnight.utcoffset()
    month = int((today - (_DAYS - 1) * 86_400) * 1e6)
    text = usage.report(
        {
            "thread": await store.usage_by_model(asked.user, thread_id=asked.thread.id),
            "today": await store.usage_by_model(asked.user, since=int(today * 1e6)),
            "month": await store.usage_by_model(asked.user, since=month),
        },
        to,
        label,
    )
    days = await store.usage_by_day(asked.user, month, int(offset.total_seconds()) if offset else 0)
    used = [day for day in days if day.tokens_in or day.tokens_out]
    if not used:
        return Reply(text)
    return Reply(text, figure=usage.figure(used, to, label))


async def _info(asked: Asked) -> Reply:
    return Reply(await info.describe(asked.services, asked.thread, asked.user, asked.settings, asked.to))


async def _rename(asked: Asked) -> Reply:
    if not (name := one_line(clean(asked.words))):
        return Reply(say("rename_how", asked.to))
    if len(name) > NAME_LENGTH:
        return Reply(say("rename_long", asked.to, most=NAME_LENGTH))
    await asked.services.layer.store.submit(
        UpdateThread(actor=asked.actor, thread_id=asked.thread.id, at=now(), name=name, name_source="user")
    )
    return Reply(say("renamed", asked.to, name=escape(name)), name=name)


async def _share(asked: Asked) -> Reply:
    """The library has the form, and what links show."""
    page = f"{asked.root}/library?thread={quote(asked.thread.id, safe='')}#share"
    return Reply(say("share_link", asked.to, page=page))


async def _clear(asked: Asked) -> Reply:
    """The stored command is what forgets: see ``turns.history.forgotten``. Files go with what they came with."""
    store = asked.services.layer.store
    files = await store.context_files(asked.thread.id)
    await leave_out(store, asked.actor, asked.thread.id, (file.element_id for file in files))
    await asked.services.memory.drop(asked.user, asked.thread.id)
    back = say("cleared_files", asked.to, name=code(files[-1].name)) if files else ""
    return Reply("\n\n".join(filter(None, (say("cleared", asked.to), back))))


async def _summary(asked: Asked) -> Reply:
    services, model = asked.services, asked.settings.model
    session = await rebuild(services.layer, asked.thread.id)
    if not session.messages and not session.summary:
        return Reply(say("summary_none", asked.to))
    choice = services.providers.find(model) if model != OFFLINE else None
    space = input_space(services.providers.window(choice.info)) if choice else _NO_MODEL
    written = await write_summary(
        session,
        session.messages,
        model,
        space,
        services,
        thread_id=asked.thread.id,
        user=asked.identifier,
    )
    by = services.providers.label(written.model) if written.model else say("summary_by_nobody", asked.to)
    text = written.text if written.model else localised(written.text, say("summary_you", asked.to))
    return Reply(f"**{say('summary_title', asked.to, by=by)}**\n\n{text}")


_NO_MODEL = 8_192
"""Tokens where no model gives a measure."""


async def _help(asked: Asked) -> Reply:
    to = asked.to
    lines = [f"- `/{command.name(to)}` — {say(f'command_{command.key}', to)}" for command in COMMANDS]
    return Reply("\n".join([say("help_title", to), "", *lines, "", say("help_words", to)]))


_REPLIES: Mapping[str, Callable[[Asked], Awaitable[Reply]]] = {
    "sessions": _sessions,
    "threads": _threads,
    "search": _search,
    "info": _info,
    "usage": _usage,
    "rename": _rename,
    "pin": organise.pin,
    "archive": organise.archive,
    "done": organise.done,
    "tag": organise.tag,
    "folder": organise.folder,
    "files": files.files,
    "fork": fork.fork,
    "merge": merge.merge,
    "versions": versions.versions,
    "share": _share,
    "export": export.export,
    "import": importing.bring_in,
    "trash": trash.trash,
    "clear": _clear,
    "summary": _summary,
    "help": _help,
}

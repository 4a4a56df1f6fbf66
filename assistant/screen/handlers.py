"""Chainlit's callbacks <-> ``answering.py``: what happens at the screen, one function an event."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import chainlit as cl
from chainlit import server
from chainlit.chat_context import chat_context
from chainlit.data import get_data_layer
from chainlit.types import Feedback, ThreadDict
from chainlit.utils import utc_now

from datalayer import DataLayer, StoreUnavailable
from datalayer.records import Thread
from datalayer.text import title
from datalayer.writes import Actor, author_id

from ..config import Config
from ..marks import is_command
from ..memory.opened import Opened, spare
from ..models import OFFLINE, ChatMessage, Providers
from ..services import Service, Services, make_limits, make_memory, make_providers, make_traces
from ..settings import KEY, Settings
from ..texts import say
from ..usage.tracing import Traces
from . import (
    buttons,
    citing,
    commands,
    conversation,
    delivery,
    live,
    panel,
    picker,
    preferences,
    queueing,
    reading,
    starters,
    temporary,
    versions,
    view,
)
from .answering import answer
from .followups import announce, list_anew
from .notices import Notices
from .session import owner, session_language, state_of

_VOTED = 500  # messages, the newest, among which a vote finds its answer
_FIRST_LOOK = 2.0
"""Seconds that a new page waits for the list of models."""


def register(
    config: Config, counted: Traces | None = None
) -> tuple[Callable[[DataLayer], None], Callable[[], Awaitable[None]]]:
    """Gives Chainlit its callbacks; returns what to call with the open data layer, and at the end.

    `counted`: where calls of models are counted, and traced besides; None: they are traced only.

    Called again at each reload of the app.
    """
    services, closing = _open(config, counted or make_traces(config))
    queueing.use(config)
    starters.register()
    temporary.register()
    _register_chat(services)
    _register_buttons(services)

    @cl.on_settings_update
    async def settings_update(values: dict[str, Any]) -> None:
        await _change(values, services())

    @cl.on_feedback
    async def feedback(vote: Feedback) -> None:
        if vote.threadId is not None:
            await _score(vote.threadId, vote.forId, vote.value, vote.comment, services())

    opened = Opened(live.shown)
    return partial(_listen, services, opened), partial(_close, opened, *closing)


def _open(config: Config, traces: Traces) -> tuple[Callable[[], Services], list[Service]]:
    """Makes the services, which are complete once Chainlit has its data layer; and returns what is to be closed."""
    providers, memory, limits = make_providers(config), make_memory(config), make_limits(config)

    def services() -> Services:
        layer = get_data_layer()
        assert isinstance(layer, DataLayer)
        kept = config.trash_days, config.max_storage_mb and config.max_storage_mb * 1_000_000
        return Services(layer, providers, traces, memory, limits, config.summary_at, config.show_thoughts, *kept)

    return services, [traces, providers, memory, *_share(config)]


def _register_chat(services: Callable[[], Services]) -> None:
    @cl.on_chat_start
    async def start() -> None:
        await _begin(services())

    @cl.on_chat_resume
    async def resume(thread: ThreadDict) -> None:
        providers = services().providers
        temporary.resumed(thread)
        live.reread(cl.context.session)
        await providers.refresh(_FIRST_LOOK)
        await _show(Settings(model=providers.default).stored(thread["metadata"]), providers)
        await commands.offer(services())
        commands.warm_up(thread, services())
        if not live.here().busy:
            await buttons.resume(thread)

    @cl.on_message
    async def message(asked: cl.Message) -> None:
        await _answer(asked, services())

    @cl.on_stop
    async def stopped() -> None:
        """What was stored of the turn may have come after the hot session was given back."""
        if not temporary.here():
            await services().memory.drop(owner(cl.context.session), cl.context.session.thread_id)


def _register_buttons(services: Callable[[], Services]) -> None:
    @cl.action_callback("continue")
    @cl.action_callback("retry")
    async def go_on(action: cl.Action) -> None:
        await _pressed(_go_on(action, services()))

    @cl.action_callback("undo")
    async def undo(_: cl.Action) -> None:
        await _pressed(versions.undo(services().memory))

    async def choose(question_id: str, version: int) -> None:
        await _pressed(versions.choose(services().memory, question_id, version))

    server.sio.on("choose_version", versions.handler(choose))


def _share(config: Config) -> list[Service]:
    """Conversations are shown by several instances at once, where a Redis connects them. What is to be closed."""
    live.share(None)
    if not config.memory_url:
        return []
    # They need a package that one instance does without; the memory has asked for it.
    from . import relay, sharing

    connection = relay.Relay(config.memory_url)
    live.share(sharing.over(connection))
    return [connection]


async def _begin(services: Services) -> None:
    await services.providers.refresh(_FIRST_LOOK)
    session = cl.context.session
    if session.thread_id_to_resume:  # the page has connected again, with its conversation
        return
    user = session.user.identifier if session.user else None
    chosen = state_of(session).settings  # the page has connected again, and nothing was said yet
    await _show(chosen or await preferences.settings(user, services.layer, services.providers), services.providers)
    await commands.offer(services)


def _listen(services: Callable[[], Services], opened: Opened, layer: DataLayer) -> None:
    """What Chainlit tells nobody."""

    async def unvote(thread_id: str, step_id: str) -> None:
        await _score(thread_id, step_id, None, None, services())

    async def delete(actor: Actor, thread_id: str) -> None:
        await services().memory.drop(author_id(actor) or "", thread_id)

    async def gone(user: str, thread_id: str) -> None:
        await services().memory.drop(user, thread_id)

    async def restored(_thread: str) -> None:
        await cl.context.emitter.send_toast(say("trash_left", session_language()), "info")
        await list_anew()

    layer.on_unvote, layer.on_delete, layer.on_restore = unvote, delete, restored
    layer.tell_source = citing.tell
    layer.store.on_gone = gone
    spare(layer.store, lambda: services().memory, live.shown)
    opened.begin(layer.store)
    layer.store.listeners.append(Notices())


async def _close(*closing: Service) -> None:
    await live.end_turns()
    await reading.close()
    for service in closing:
        await service.close()


async def _show(settings: Settings, providers: Providers) -> None:
    state_of(cl.context.session).settings = settings
    await cl.ChatSettings(panel.widgets(settings, session_language(), providers.offered())).send()
    # Without the switch: what differs from the stored settings is taken for a change when the page is closed.
    cl.context.session.chat_settings = settings.model_dump()
    await picker.offer(settings, providers)


async def _change(values: dict[str, Any], services: Services) -> None:
    session, to, providers = cl.context.session, session_language(), services.providers
    settings, refused = (state_of(session).settings or Settings(model=providers.default)).changed(
        values, providers.offered()
    )
    state_of(session).settings = settings
    session.chat_settings = settings.model_dump()
    await picker.offer(settings, providers)
    if session.has_first_interaction:  # a thread begins with its first message, which then saves them
        await services.layer.update_thread(session.thread_id, metadata=settings.metadata())
    for field in refused:
        await cl.context.emitter.send_toast(say("settings_refused", to, field=say(field, to)), "error")
    if values.get(panel.FOR_NEW) is True and session.user is not None:
        await preferences.keep(session.user.identifier, settings, services.layer)
        await cl.context.emitter.send_toast(say("for_new_kept", to), "success")
    if refused or values.get(panel.FOR_NEW):
        await _show(settings, providers)


async def _answer(asked: cl.Message, services: Services) -> None:
    await buttons.withdraw()
    thread, deleted = await _thread(services.layer)
    if thread is not None or deleted or temporary.here():
        await delivery.kept(asked.id)
    if deleted:
        await cl.ErrorMessage(say("deleted", session_language())).send()
        return
    settings = await _choose(asked, await _settings(thread, services), services)
    if (typed := await commands.recognise(asked)) is not None:
        await commands.run(typed, asked, thread, settings, services)
        return
    if thread is not None and commands.names_it(asked, thread):
        await services.layer.update_thread(thread.id, name=title(asked.content))
        await announce(asked.content)
    elif thread is not None and thread.pinned:  # the page puts it among those of today
        await list_anew()
    files = await reading.take_in(asked, thread, services.layer, new=True)
    held = await conversation.before(asked, thread, services.layer, services.memory, files)
    await answer(asked, held, settings, services, cl.Message(""))


async def _thread(layer: DataLayer) -> tuple[Thread | None, bool]:
    """The conversation of the page, None: it is not in the database; and whether it was deleted."""
    thread_id = cl.context.session.thread_id
    try:
        thread = await layer.store.thread(thread_id)
        return thread, thread is None and await layer.store.was_deleted(thread_id)  # a new one may wait in the spool
    except StoreUnavailable:
        return None, False  # chatting goes on from memory


async def _settings(thread: Thread | None, services: Services) -> Settings:
    """Those of the thread; a new thread takes and keeps the ones of the panel."""
    session, default = cl.context.session, Settings(model=services.providers.default)
    if thread is not None and KEY in thread.metadata:
        return default.stored(thread.metadata)
    settings = default.stored({KEY: session.chat_settings})
    if thread is not None:
        await services.layer.update_thread(session.thread_id, metadata=settings.metadata())
    return settings


async def _choose(asked: cl.Message, settings: Settings, services: Services) -> Settings:
    """The settings with the model that was chosen in the message box, which is the conversation's from now on."""
    changed = picker.chosen(settings, asked.modes, services.providers)
    if changed is not settings:
        await services.layer.update_thread(cl.context.session.thread_id, metadata=changed.metadata())
        await _show(changed, services.providers)
    return changed


async def _pressed(work: Coroutine[Any, Any, None]) -> None:
    session = cl.context.session
    if session.current_task is not None and not session.current_task.done():
        work.close()
        return
    with live.turn(session):
        session.current_task = task = asyncio.create_task(work)  # so that the Stop button finds it
        await cl.context.emitter.task_start()
        try:
            await asyncio.wait([task])
        finally:
            await cl.context.emitter.task_end()
    if not task.cancelled():
        task.result()


async def _go_on(action: cl.Action, services: Services) -> None:
    messages, session = chat_context.get(), cl.context.session
    given = next((m for m in messages if m.id == action.payload.get("answer")), None)
    if given is None:  # it was replaced on another screen
        await _gone_on()
        return
    if is_command(given.metadata):  # there is no other answer to it
        return
    before = reversed(messages[: messages.index(given)])
    asked = next((m for m in before if m.type == "user_message" and not is_command(m.metadata)), None)
    if asked is None:
        return
    thread, _ = await _thread(services.layer)
    if session.thread_id in _answering or (thread is not None and not await _is_last(given, services.layer)):
        await _gone_on()
        return
    _answering.add(session.thread_id)
    try:
        await _answer_anew(action, asked, given, thread, services)
    finally:
        _answering.discard(session.thread_id)


async def _gone_on() -> None:
    session: Any = cl.context.session
    await view.show(session)
    await cl.context.emitter.send_toast(say("gone_on", session_language()), "info")


_answering: set[str] = set()
"""Threads whose last answer is being written anew: two tabs would write two."""


async def _is_last(given: cl.Message, layer: DataLayer) -> bool:
    """Whether no other tab has gone on, or written this answer anew; True where the database cannot tell."""
    try:
        newest = await layer.store.thread_messages(cl.context.session.thread_id, limit=1)
    except StoreUnavailable:
        return True
    return (await layer.health())["state"] != "ok" or [message.id for message in newest] == [given.id]


async def _answer_anew(
    action: cl.Action, asked: cl.Message, given: cl.Message, thread: Thread | None, services: Services
) -> None:
    await buttons.withdraw()
    if notice := action.payload.get("notice"):
        await cl.context.emitter.delete_step({"id": notice})
    files = await reading.take_in(asked, thread, services.layer, new=False)
    held = await conversation.before(asked, thread, services.layer, services.memory, files)
    settings = await _settings(thread, services)
    if action.name == "continue" and services.providers.configured and settings.model != OFFLINE:
        more = [ChatMessage("assistant", given.content), ChatMessage("user", say("go_on", session_language()))]
        longer = replace(held, messages=held.messages + more)
        await answer(asked, longer, settings, services, given, insist=True)
    else:
        async with _run_of(asked) as reply:
            await answer(asked, held, settings, services, reply, replaced=given, insist=True)


@asynccontextmanager
async def _run_of(asked: cl.Message) -> AsyncIterator[cl.Message]:
    """An answer in a run of its own: a vote is on the run, and stays with the version that it is for."""
    run = cl.Step(name="on_message", type="run", parent_id=asked.id)
    run.start = run.created_at = utc_now()
    await run.send()
    reply = cl.Message("", parent_id=run.id)
    try:
        yield reply
    finally:
        run.end = utc_now()
        await (run.update() if reply.content else run.remove())


async def _score(thread_id: str, step_id: str, value: int | None, comment: str | None, services: Services) -> None:
    """Chainlit votes on the run that an answer is part of; its trace goes by the id of the answer."""
    messages = await services.layer.store.thread_messages(thread_id, limit=_VOTED)
    for message in reversed(messages):
        if step_id in (message.id, message.parent_id) and message.type == "assistant_message":
            services.traces.score(message.id, value, comment, at=message.created_at)
            return

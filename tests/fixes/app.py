"""The smallest app that shows what Chainlit does: as it is, or with ``FIXED=1`` as this project mends it.

It answers "You said …". To "wait" it says "first half", and "rest" after ``POST /go``. "set K V" puts V into the
session. ``GET /state`` tells what the app knows. ``GET /try/NAME`` runs what no page can bring about at will.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import chainlit as cl
from chainlit import server, socket
from chainlit.chat_context import chat_contexts
from chainlit.config import config
from chainlit.session import ws_sessions_id
from fastapi import APIRouter

if FIXED := bool(os.environ.get("FIXED")):
    from assistant import fixes
    from assistant.fixes import cookie_names, upload_folder
    from assistant.fixes.secure_cookies import SecureCookies
    from assistant.screen import events
    from tests.fixes.kept import Kept as Layer

    for _ in range(2):  # as when `chainlit run -w` executes an app again
        fixes.install()
        events.install()
    cookie_names.install(Path.cwd(), None)
    server.app.add_middleware(SecureCookies)
    upload_folder.install(Path.cwd() / "uploads")
    Path("uploads").mkdir()
else:
    from tests.fixes.plain import Plain as Layer

config.features.favorites = True
routes, layer, going, said = APIRouter(), Layer(), asyncio.Event(), []


@cl.data_layer
def data_layer():
    return layer


@cl.password_auth_callback
def sign_in(name, password):
    return cl.User(identifier=name)


@cl.on_chat_resume
async def resume(thread):
    pass


@cl.on_settings_update
async def greet(values):
    first = await cl.Message("welcome").send()
    first.content = "welcome, you"
    await first.update()
    await cl.Message("how are you").send()


@cl.on_message
async def answer(message):
    said.append(message.content)
    match message.content.split():
        case ["wait"]:
            going.clear()
            await cl.Message("first half").send()
            await going.wait()
            await cl.Message("rest").send()
            said.append("rest")
        case ["set", key, value]:
            cl.user_session.set(key, value)
    await cl.Message(f"You said {message.content}").send()


@routes.get("/kept/{thread_id}")
async def kept(thread_id: str):
    """What is stored of the thread's messages, shown or not."""
    if FIXED:
        _, steps, _ = await layer.store.whole_thread(thread_id)
        return [step.output for step in steps]
    return [step["output"] for step in (await layer.get_thread(thread_id))["steps"]]


@routes.post("/go")
async def go():
    going.set()


@routes.get("/state")
async def state():
    calls = getattr(layer, "calls", None)
    return {"calls": calls, "said": said, "sessions": list(ws_sessions_id), "contexts": list(chat_contexts)}


@routes.post("/resumes")
async def resumes(on: bool):
    config.code.on_chat_resume = resume if on else None


async def start():
    await cl.context.emitter.emit("started", {})


@routes.post("/starts")
async def starts(on: bool):
    config.code.on_chat_start = start if on else None


@routes.post("/leave/{session_id}")
async def leave(session_id: str):
    """As when the page of the session is closed for good; returns when Chainlit is done with it."""
    session = ws_sessions_id[session_id]
    session.to_clear = True
    with suppress(RuntimeError):
        await socket.sio.handlers["/"]["disconnect"](session.socket_id)


@routes.get("/try/two_connections")
async def two_connections():
    """Whose session it is when the first of two connections waits for the database, and the second does not."""
    waits, connect = asyncio.Event(), socket.sio.handlers["/"]["connect"]
    auth = {"sessionId": "00000000-0000-4000-8000-000000000000", "clientType": "webapp", "threadId": None}
    found = socket._authenticate_connection

    async def slowly(environ):
        if environ["slow"]:
            await waits.wait()
        return cl.User(identifier="ann"), "token"

    socket._authenticate_connection = slowly
    try:
        first = asyncio.create_task(connect("first", {"slow": True}, auth))
        second = asyncio.create_task(connect("second", {"slow": False}, auth))
        for _ in range(100):  # as far as it comes
            await asyncio.sleep(0)
        waits.set()
        await asyncio.gather(first, second)
    finally:
        socket._authenticate_connection = found
    session = ws_sessions_id.pop(auth["sessionId"])
    return session.socket_id


server.app.router.routes[:0] = routes.routes

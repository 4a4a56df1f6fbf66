"""An app of somebody else's, with what apps do to their data layer: routes of its own, a job at start, webhooks,
actions, session values, sharing, Slack. It is run by ``test_other_apps.py`` in a folder of its own."""

import asyncio
import math
from typing import Annotated

import chainlit as cl
from chainlit.auth import get_current_user
from chainlit.chat_context import chat_context
from chainlit.config import config
from chainlit.context import init_http_context
from chainlit.server import app as server
from fastapi import APIRouter, Depends, Header

from datalayer import DataLayer, DataLayerError

config.features.allow_thread_sharing = True
layer = DataLayer("sqlite+aiosqlite:///threads.db", files="files/")
routes, background = APIRouter(), []


@cl.data_layer
def data_layer():
    return layer


@cl.password_auth_callback
def sign_in(name, password):
    return cl.User(identifier=name) if password == "open" else None


@cl.on_app_startup
async def import_old_conversations():
    ann = await layer.create_user(cl.User(identifier="ann"))
    await layer.update_thread("imported", name="From the old system", user_id=ann.id)
    await layer.create_step({"id": "i1", "threadId": "imported", "type": "user_message", "output": "long ago"})
    await layer.get_user("ben")


@cl.on_chat_resume
async def resume(thread):
    pass


@cl.on_shared_thread_view
async def may_view(thread, user):
    return user.identifier == "auditor" and "pictures" in (thread["name"] or "")


@cl.on_message
async def answer(message):
    said = message.content
    if said == "retitle":
        await layer.update_thread(
            cl.context.session.thread_id, name="A title of its own " * 5, user_id=cl.user_session.get("user").id
        )
    elif said == "remember":
        cl.user_session.set("color", "green")
        cl.user_session.set("odd", object())
        cl.user_session.set("numbers", [math.nan, math.inf, 1.5])
    elif said == "forget":
        cl.user_session.set("color", None)
    elif said == "recall":
        said = f"{cl.user_session.get('color', 'default')} {cl.user_session.get('odd', 'default')}"
    elif said == "later":
        background.append(asyncio.create_task(rewrite("[in the background]")))
    elif said.startswith("forge "):
        try:
            await asyncio.create_task(layer.delete_thread(said.removeprefix("forge ")))
        except DataLayerError as error:
            said = str(error)
    elements = [cl.Image(name="dot", content=b"\x89PNG pictures")] if "pictures" in said else []
    await cl.Message(said, elements=elements, actions=[cl.Action(name="redact", payload={})]).send()


@cl.action_callback("redact")
async def redact(action):
    await rewrite("[redacted]")


@cl.on_settings_update
async def settings(values):
    await rewrite("[by a setting]")


async def rewrite(text):
    first = chat_context.get()[0]
    first.content = text
    await first.update()


@routes.delete("/own/{thread_id}")
async def own_way_to_sign_in(thread_id: str, x_user: str = Header()):
    with layer.acting_as(x_user):
        await layer.get_user("ann")
        await asyncio.create_task(layer.delete_thread(thread_id))


@routes.delete("/nobody/{thread_id}")
async def nobody(thread_id: str):
    await layer.get_user("ann")
    await layer.delete_thread(thread_id)


@routes.post("/signed/{thread_id}")
async def signed_in_to_chainlit(thread_id: str, user: Annotated[cl.User, Depends(get_current_user)]):
    await layer.get_user("ann")
    await layer.create_user(cl.User(identifier="ann"))
    await layer.update_thread(thread_id, tags=[f"by {user.identifier}"])


@routes.post("/hook/{thread_id}")
async def webhook(thread_id: str):
    init_http_context(thread_id=thread_id)
    await cl.Message("from outside").send()


@routes.get("/step/{step_id}")
async def step(step_id: str):
    return await layer.get_step(step_id)


server.router.routes[:0] = routes.routes

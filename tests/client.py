"""An honest little Chainlit client: what the browser sends and what it shows, over real HTTP and a real websocket."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self

import httpx
import socketio

DEADLINE = 60.0
"""Seconds after which something that should have come is missing."""

Match = Callable[[Any], bool]
Step = dict[str, Any]
_TEXT = "text/plain"


class Client:
    """One browser tab of one person.

    ``screen``: the messages it shows, by id, as its browser would hold them. ``events``: all that came, in order.
    ``requests`` and ``emitted``: what it asked for, as (method, path) and as names. ``react`` is called with each event
    the moment it arrives, before anything else happens. ``before``: an event that is sent before the page is connected.
    """

    def __init__(self, url: str, *, greets: bool = True, **headers: str) -> None:
        """``greets``: whether the app has an ``on_chat_start``, whose end a new chat waits for."""
        self.url, self.greets = url, greets
        self.http = httpx.AsyncClient(
            base_url=url,
            headers={"Origin": url, "Accept-Language": "en-US", **headers},
            timeout=DEADLINE,
            event_hooks={"request": [self._asked]},
        )
        self.session_id = str(uuid.uuid4())
        self.thread_id = ""
        self.events: list[tuple[str, Any]] = []
        self.screen: dict[str, Step] = {}
        self.requests: list[tuple[str, str]] = []
        self.emitted: list[str] = []
        self.react: Callable[[str, Any], None] = lambda name, data: None
        self.before: tuple[str, Any] | None = None
        self._news = asyncio.Event()
        self._socket: socketio.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()
        await self.http.aclose()

    # Signing in

    async def login(self, name: str | None = None, password: str = "") -> Self:
        """Signs in: with an account, or without ``name`` as the person of this machine."""
        if name is None:
            answer = await self.http.post("/auth/header")
        else:
            answer = await self.http.post("/login", data={"username": name, "password": password})
        answer.raise_for_status()
        return self

    def tab(self) -> "Client":
        """Another tab of the same browser: same cookies, a session of its own."""
        other = Client(self.url, greets=self.greets)
        other.http.cookies = self.http.cookies
        return other

    # The websocket

    async def connect(
        self,
        thread_id: str | None = None,
        session_id: str | None = None,
        deadline: float = DEADLINE,
        *,
        waiting: Step | None = None,
        client_type: str = "webapp",
        profile: str = "",
    ) -> Self:
        """Opens the page of ``thread_id``, or of a new chat. Raises socketio's ConnectionError when refused.

        ``waiting``: a message from before there was a connection, which the browser sends before all else.
        ``client_type``: "copilot" for the widget in somebody else's page. ``profile``: the chat profile that is chosen.
        """
        self.session_id = session_id or self.session_id
        self._socket = socketio.AsyncClient(reconnection=False, websocket_extra_options={"max_msg_size": 0})
        self._socket.on("*", self._received)
        self._socket.on("disconnect", self._disconnected)
        auth = {
            "sessionId": self.session_id,
            "clientType": client_type,
            "threadId": thread_id or "",
            "userEnv": "",
            "chatProfile": profile,
        }
        cookies = "; ".join(f"{key}={value}" for key, value in self.http.cookies.items())
        language = self.http.headers["Accept-Language"]
        await self._socket.connect(
            self.url,
            headers={"Cookie": cookies, "Origin": self.http.headers["Origin"], "Accept-Language": language},
            auth=auth,
            socketio_path="/ws/socket.io",
            transports=["websocket"],
            wait_timeout=int(deadline),
        )
        self._keep_cookies()
        self.thread_id, since = thread_id or "", len(self.events)
        if self.before:
            await self.emit(*self.before)
        if waiting:
            await self.emit("client_message", {"message": waiting, "fileReferences": []})
        await self.call("connection_successful")
        if self.greets and not any(name == "resume_thread" for name, _ in self.events[since:]):
            await self._greeted(since)
        return self

    def _keep_cookies(self) -> None:
        """A browser keeps what a handshake sets; aiohttp does not, of an address without a name."""
        assert self._socket is not None
        for name, cookie in self._socket.eio.ws._response.cookies.items():
            self.http.cookies.set(name, cookie.value, domain=self.http.base_url.host, path="/")

    async def _greeted(self, since: int) -> None:
        """Waits for the end of ``on_chat_start``, whose task_end would else be taken for that of a first turn."""
        run = await self.wait_for("update_message", lambda step: step["name"] == "on_chat_start", since)
        await self.wait_for("task_end", since=self.events.index(("update_message", run)))

    async def disconnect(self, *, leave: bool = False) -> None:
        """Closes the tab; ``leave``: as the "New chat" button does, which ends the session on the server too."""
        if self._socket is not None:
            if leave:
                await self.call("clear_session")
            with suppress(Exception):  # the server may be gone
                await self._socket.disconnect()
            self._socket = None

    async def emit(self, name: str, data: Any = None) -> None:
        assert self._socket is not None, "not connected"
        self.emitted.append(name)
        await self._socket.emit(name, data)

    async def call(self, name: str, data: Any = None) -> Any:
        """Emits, and returns when the server's handler has returned. Raises socketio.exceptions.TimeoutError."""
        assert self._socket is not None, "not connected"
        self.emitted.append(name)
        return await self._socket.call(name, data, timeout=int(DEADLINE))

    async def wait_for(
        self, name: str, match: Match = lambda data: True, since: int = 0, deadline: float = DEADLINE
    ) -> Any:
        """The data of the first event ``name`` that matches, after the first ``since`` events. Raises TimeoutError."""
        try:
            async with asyncio.timeout(deadline):
                while True:
                    self._news.clear()
                    for event, data in self.events[since:]:
                        if event == name and match(data):
                            return data
                    await self._news.wait()
        except TimeoutError:
            came = [event for event, _ in self.events[since:]]
            raise TimeoutError(f"no {name!r} within {deadline} s; came: {came}") from None

    # What a person does in a chat

    def message(self, text: str, id: str | None = None, **overrides: Any) -> Step:
        """A message of one's own, as the browser makes it."""
        return {
            "id": id or str(uuid.uuid4()),
            "threadId": self.thread_id,
            "name": "User",
            "type": "user_message",
            "output": text,
            "createdAt": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            **overrides,
        }

    async def post(self, text: str, files: Iterable[str] = (), id: str | None = None, **overrides: Any) -> str:
        """Sends a message as the browser does and returns its id, without waiting for anything."""
        message = self.message(text, id, **overrides)
        self.screen[message["id"]] = dict(message)  # the browser shows it at once
        await self.emit("client_message", {"message": message, "fileReferences": [{"id": key} for key in files]})
        return str(message["id"])

    async def send(self, text: str, files: Iterable[str] = (), id: str | None = None, **overrides: Any) -> list[Step]:
        """Sends a message, waits until the turn is over, and returns the messages that it brought."""
        since, known = len(self.events), set(self.screen)  # which another instance may show once more
        own = await self.post(text, files, id, **overrides)
        brought = await self._turn(await self.begun(since), own)
        return [step for step in brought if step["id"] not in known]

    async def begun(self, since: int) -> int:
        """Waits for a turn that begins after the first ``since`` events, and returns how many came before it: among
        them may be the end of another screen's turn."""
        await self.wait_for("task_start", since=since)
        return since + [name for name, _ in self.events[since:]].index("task_start")

    async def post_again(self, message_id: str) -> None:
        """Sends a message of the screen once more, as the page does when it was cut off: public/page/messages.js."""
        await self.emit("client_message", {"message": self.screen[message_id], "fileReferences": [], "again": True})

    async def edit(self, message_id: str, text: str) -> list[Step]:
        """Edits a message of one's own and waits for the new answer."""
        since = len(self.events)
        old = self.screen.get(message_id, {"id": message_id, "type": "user_message"})
        await self.emit("edit_message", {"message": {**old, "output": text}})
        return await self._turn(since, message_id)

    async def _turn(self, since: int, own: str) -> list[Step]:
        await self.wait_for("task_end", since=since)
        if not self.thread_id:  # a quick answer can be over before the new thread is announced
            await self.wait_for("first_interaction", since=since)
        shown = {data["id"] for name, data in self.events[since:] if name in ("new_message", "stream_start")}
        return [step for key, step in self.screen.items() if key in shown - {own} and "message" in step["type"]]

    async def stop(self) -> None:
        await self.call("stop")

    async def settings(self, **values: Any) -> None:
        """Changes settings in the panel; returns when the server has dealt with them."""
        await self.call("chat_settings_change", values)

    def shown_settings(self) -> dict[str, Any]:
        """The values in the settings panel as it was sent last, without the switch that is no setting."""
        panels = [data for name, data in self.events if name == "chat_settings"]
        values = {widget["id"]: widget["initial"] for widget in panels[-1]} if panels else {}
        assert values.pop("for_new", False) is False
        return values

    # HTTP

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.http.request(method, path, **options)

    async def upload(
        self, name: str, content: bytes, mime: str = _TEXT, session_id: str | None = None
    ) -> httpx.Response:
        """Uploads a file into the session; its id is in the answer's JSON."""
        params = {"session_id": self.session_id if session_id is None else session_id}
        return await self.http.post("/project/file", params=params, files={"file": (name, content, mime)})

    async def attach(self, name: str, content: bytes, mime: str = _TEXT) -> str:
        """Uploads a file and returns its id, for ``send(files=…)``."""
        answer = await self.upload(name, content, mime)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def threads(
        self, search: str | None = None, cursor: str | None = None, first: int = 35, **filters: Any
    ) -> httpx.Response:
        body = {"pagination": {"first": first, "cursor": cursor}, "filter": {"search": search, **filters}}
        return await self.http.post("/project/threads", json=body)

    async def listed(self, search: str | None = None) -> dict[str, Any]:
        """The first page of the sidebar: name by thread id."""
        answer = await self.threads(search)
        assert answer.status_code == 200, answer.text
        return {thread["id"]: thread["name"] for thread in answer.json()["data"]}

    async def thread(self, thread_id: str | None = None) -> httpx.Response:
        return await self.http.get(f"/project/thread/{thread_id or self.thread_id}")

    async def stored(self, thread_id: str | None = None) -> dict[str, Any]:
        """The thread as it is stored; it must be there."""
        answer = await self.thread(thread_id)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rename(self, name: str, thread_id: str | None = None) -> httpx.Response:
        return await self.http.put("/project/thread", json={"threadId": thread_id or self.thread_id, "name": name})

    async def delete(self, thread_id: str | None = None) -> httpx.Response:
        return await self.http.request("DELETE", "/project/thread", json={"threadId": thread_id or self.thread_id})

    async def share(self, thread_id: str, shared: bool = True) -> httpx.Response:
        return await self.http.put("/project/thread/share", json={"threadId": thread_id, "isShared": shared})

    async def vote(self, step_id: str, value: int = 1, comment: str | None = None, **over: Any) -> httpx.Response:
        feedback = {"forId": step_id, "value": value, "comment": comment, "threadId": self.thread_id, **over}
        return await self.http.put("/feedback", json={"feedback": feedback, "sessionId": self.session_id})

    async def unvote(self, feedback_id: str) -> httpx.Response:
        return await self.http.request("DELETE", "/feedback", json={"feedbackId": feedback_id})

    async def element(self, method: str, element: dict[str, Any], session_id: str | None = None) -> httpx.Response:
        """PUT or DELETE a custom element."""
        body = {"element": element, "sessionId": self.session_id if session_id is None else session_id}
        return await self.http.request(method, "/project/element", json=body)

    async def action(self, name: str, session_id: str | None = None, **payload: Any) -> httpx.Response:
        action = {"name": name, "payload": payload, "label": name, "tooltip": "", "id": str(uuid.uuid4())}
        body = {"action": action, "sessionId": self.session_id if session_id is None else session_id}
        return await self.http.post("/project/action", json=body)

    # What comes in

    async def _asked(self, request: httpx.Request) -> None:
        self.requests.append((request.method, request.url.path))

    async def _received(self, name: str, *data: Any) -> None:
        value = data[0] if data else None
        self.events.append((name, value))
        self._show(name, value)
        self.react(name, value)
        self._news.set()

    async def _disconnected(self, *reason: Any) -> None:
        self.events.append(("disconnect", reason))
        self._news.set()

    def _show(self, name: str, data: Any) -> None:
        if name in ("new_message", "stream_start", "update_message"):
            if {data["id"], data.get("parentId")} & {None, *self.screen}:  # the page drops a child of what it has not
                self.screen[data["id"]] = {**self.screen.get(data["id"], {}), **data}
        elif name == "stream_token" and data["id"] in self.screen:
            shown = self.screen[data["id"]]
            shown["output"] = data["token"] if data["isSequence"] else shown["output"] + data["token"]
        elif name == "delete_message":
            self.screen.pop(data["id"], None)
        elif name == "first_interaction":
            self.thread_id = data["thread_id"]
        elif name == "resume_thread":
            shown, part = {step["id"]: dict(step) for step in data["steps"]}, data.get("part") or {}
            self.screen = _joined(shown, self.screen, part) if part.get("more") else shown


def _joined(more: dict[str, Step], held: dict[str, Step], part: dict[str, Any]) -> dict[str, Step]:
    """As public/page/steps.js."""
    ids = list(held)
    place = ids.index(part["before"])
    ids[place:place] = more
    if part["until"] in ids and part["gap"] in ids:
        ids[ids.index(part["until"]) : ids.index(part["gap"])] = []
    return {id: {**more, **held}[id] for id in ids[ids.index(part["first"]) :]}


async def until(condition: Callable[[], Any], deadline: float = DEADLINE) -> Any:
    """What the coroutine function ``condition`` answers once that is true: for what the server does unannounced."""
    end = time.monotonic() + deadline
    while not (answer := await condition()):
        assert time.monotonic() < end, f"not so within {deadline} s"
        await asyncio.sleep(0.02)  # a server in this loop must get its turn
    return answer

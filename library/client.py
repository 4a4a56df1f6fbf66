"""A small client of the REST API (docs/api.md), for programs and for ``python -m library``.

with Client("https://chat.example", token) as chat:
    for hit in chat.search("birds"): ...
"""

import re
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

_TRIES, _LONGEST = 5, 30.0
"""How often something is tried that may go well later, and how many seconds are waited at most in between."""
_LATER = (429, 502, 503, 504)


class ApiError(Exception):
    """What the server refused. ``status``: of HTTP, 0 where nobody has answered; ``code``: for programs."""

    def __init__(self, status: int, code: str, title: str) -> None:
        super().__init__(title)
        self.status, self.code = status, code


class Client:
    """Answers are the JSON of the API, as dicts. Every method raises ApiError; what the server is too busy for is tried
    again after the time it names, and makes nothing twice."""

    def __init__(self, url: str, token: str, http: httpx.Client | None = None, language: str = "en") -> None:
        """``url``: of the app, without ``/api``. ``http``: one's own, with its timeouts and certificates. Raises
        ApiError for what is no token."""
        if not re.fullmatch(r"tk_[A-Za-z0-9_-]+", token):
            raise ApiError(0, "token", "The token is missing, or is none of this API's")
        self._http = http or httpx.Client(timeout=30)
        self._base = f"{url.rstrip('/')}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def me(self) -> dict[str, Any]:
        return self._json("GET", "/me")

    def threads(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """All pages, as ``GET /threads`` takes them: ``q``, ``folder``, ``tag``, ``month``, ``archived``, ``sort`` …"""
        return self._pages("/threads", "threads", filters)

    def thread(self, thread_id: str) -> dict[str, Any]:
        return self._json("GET", _at(thread_id))

    def create(self, **values: Any) -> dict[str, Any]:
        """With ``name``, ``folder``, ``tags``, ``messages`` …"""
        return self._json("POST", "/threads", values)

    def change(self, thread_id: str, **values: Any) -> dict[str, Any]:
        return self._json("PATCH", _at(thread_id), values)

    def delete(self, thread_id: str, for_good: bool = False) -> None:
        """Into the trash; ``for_good``: with all that belongs to it."""
        self._send("DELETE", _at(thread_id), params={"for_good": for_good})

    def restore(self, thread_id: str) -> dict[str, Any]:
        return self._json("POST", f"{_at(thread_id)}/restore")

    def fork(self, thread_id: str, **values: Any) -> dict[str, Any]:
        return self._json("POST", f"{_at(thread_id)}/fork", values)

    def merge(self, thread_ids: Iterable[str], name: str | None = None) -> dict[str, Any]:
        return self._json("POST", "/threads/merge", {"threads": list(thread_ids), "name": name})

    def messages(self, thread_id: str, order: str = "oldest") -> Iterator[dict[str, Any]]:
        """All pages; ``order``: ``oldest`` or ``newest`` first."""
        return self._pages(f"{_at(thread_id)}/messages", "messages", {"order": order})

    def add(self, thread_id: str, text: str, role: str = "user") -> dict[str, Any]:
        """A message that is kept as it is."""
        return self._json("POST", f"{_at(thread_id)}/messages", {"text": text, "role": role})

    def search(self, question: str) -> Iterator[dict[str, Any]]:
        """All pages."""
        return self._pages("/search", "found", {"q": question})

    def usage(self, since: str | None = None) -> dict[str, Any]:
        return self._json("GET", "/usage", params={"since": since} if since else {})

    def export(self, path: Path, format: str = "json", threads: Iterable[str] = ()) -> int:
        """Into a new file, whose bytes are counted: all conversations, or ``threads``. What breaks off goes. Raises
        OSError too: FileExistsError."""
        asked: dict[str, str | list[str]] = {"format": format, "thread": list(threads)}
        with path.open("xb") as file:
            try:
                with self._http.stream("GET", f"{self._base}/export", params=asked, headers=self._headers) as answer:
                    if answer.is_error:
                        answer.read()
                        raise _refused(answer)
                    for piece in answer.iter_bytes():
                        file.write(piece)
                return file.tell()
            except httpx.HTTPError as error:
                path.unlink()
                raise _unreachable(error) from error
            except BaseException:
                path.unlink()
                raise

    def _pages(self, path: str, name: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        cursor = None
        while True:
            page = self._json("GET", path, params=asked | ({"cursor": cursor} if cursor else {}))
            yield from page[name]
            if (cursor := page["next"]) is None:
                return

    def _json(self, method: str, path: str, body: Any = None, **how: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._send(method, path, body, **how).json()
        return found

    def _send(self, method: str, path: str, body: Any = None, **how: Any) -> httpx.Response:
        headers = self._headers | ({"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {})
        sent = how if body is None else {**how, "json": body}
        for left in reversed(range(_TRIES)):
            try:
                answer = self._http.request(method, self._base + path, headers=headers, **sent)
            except httpx.HTTPError as error:
                if not left:
                    raise _unreachable(error) from error
                time.sleep(1)
                continue
            if answer.status_code not in _LATER or not left:
                break
            time.sleep(_pause(answer))
        if answer.is_error:
            raise _refused(answer)
        return answer


def _at(thread_id: str) -> str:
    return f"/threads/{quote(thread_id, safe='')}"


def _pause(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return min(float(told), _LONGEST) if told.isdecimal() else 1.0


def _unreachable(error: httpx.HTTPError) -> ApiError:
    if isinstance(error, httpx.UnsupportedProtocol):
        return ApiError(0, "address", "The address must begin with https:// or http://")
    return ApiError(0, "unreachable", f"The server does not answer: {type(error).__name__}")


def _refused(answer: httpx.Response) -> ApiError:
    try:
        told = answer.json()
        title = str(told.get("detail") or told["title"])
        return ApiError(answer.status_code, str(told.get("code", "failed")), title)
    except (ValueError, KeyError, AttributeError):  # a proxy's page
        return ApiError(answer.status_code, "failed", f"The server answers with {answer.status_code}")

"""The HTTP of google-generativeai's REST transport, which works on requests: stoppable, and read as it comes.

Importing this imports requests and Google's core library.
"""

import json
from collections.abc import Callable
from typing import Any

import requests
from google.api_core.rest_streaming import ResponseIterator
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from .blocking import current


def prepare(session: requests.Session) -> None:
    """Requests of ``session`` can be stopped by their Call, and each is sent once."""
    adapter = _Adapter(pool_maxsize=100, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    # Or requests would log in with what ~/.netrc has for the host.
    session.auth = lambda request: request
    # Redirects would carry the key along. requests has no other switch for all requests of a session.
    session.max_redirects = 0
    # A compressed stream could wait in the decoder for what comes next.
    session.headers["Accept-Encoding"] = "identity"
    # Google's session asks again after a 401, with the same key.
    session._refresh_status_codes = ()  # type: ignore[attr-defined]


class _Noted:
    """A connection that tells the Call of its thread which socket it uses."""

    sock: Any
    call = None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._tell()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._tell()
        super().request(*args, **kwargs)  # type: ignore[misc]

    def _tell(self) -> None:
        self.call = current.call
        if self.call is not None and self.sock is not None:
            self.call.uses(self.sock)


class _Plain(_Noted, HTTPConnection):
    pass


class _Secure(_Noted, HTTPSConnection):
    pass


class _Released:
    """A pool that ends the Call's claim before the connection can be another's."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None and conn.call is not None:
            conn.call.release()
        super()._put_conn(conn)  # type: ignore[misc]


class _PlainPool(_Released, HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_Released, HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        call = current.call
        if call is not None and call.amend is not None and isinstance(request.body, str):
            request.prepare_body(call.amend(request.body), None)
        response = super().send(request, *args, **kwargs)
        if call is not None:
            call.response = response
        return response


class Elements(ResponseIterator):
    """The JSON objects of a stream as Google sent them.

    The SDK's messages are of before the models that think: they know neither thoughts nor errors in mid-stream, and
    leave out what they do not know.
    """

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response, dict)
        response.encoding = "utf-8"
        # Google's own iterator asks for one byte at a time.
        self._response_itr = response.iter_content(None, decode_unicode=True)

    def _process_chunk(self, chunk: str) -> None:
        # Google's iterator fails at white space around the array.
        if self._level or not chunk.isspace():
            super()._process_chunk(chunk if self._level else chunk.lstrip())

    def _create_grab(self) -> Callable[["Elements"], Any]:
        return lambda this: json.loads(this._ready_objs.popleft())

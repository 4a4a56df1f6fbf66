"""A button pressed in a tab that is older than the server gets "500", and the log a traceback.

The routes for actions, elements and MCP (server.py) look the session up and hand ``init_ws_context`` what they found,
which is None when the server has started since. Here the answer is 404 and a sentence.
"""

import sys
from typing import Any

from fastapi import HTTPException

from .patch import patch


def install() -> None:
    # By its name: the package has an attribute ``context`` that is something else.
    patch(sys.modules["chainlit.context"], "init_ws_context", _of_a_known_session)


def _of_a_known_session(original: Any) -> Any:
    def init_ws_context(session_or_sid: Any) -> Any:
        if session_or_sid is None:
            raise HTTPException(404, "This page is out of date; reload it")
        return original(session_or_sid)

    return init_ws_context

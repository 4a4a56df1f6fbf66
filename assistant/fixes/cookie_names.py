"""Two apps on one host sign each other's people out: cookies know no ports.

Chainlit calls its cookie ``access_token``, or as ``CHAINLIT_AUTH_COOKIE_NAME`` says (cookie.py) when it is imported,
which `chainlit run` does before it loads the app. Here each data folder has a name of its own.
"""

import hashlib
from pathlib import Path

from chainlit.auth import cookie


def install(home: Path, given: str | None) -> None:
    """``given``: the name that was configured; None: one of the data folder ``home``'s own."""
    cookie._auth_cookie_name = given or f"threadkeep_{hashlib.sha256(str(home).encode()).hexdigest()[:10]}"

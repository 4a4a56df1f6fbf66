"""The address of what is shared: its last part is a secret of 256 bits that the author sees once."""

import hashlib
import os
import secrets
from urllib.parse import urlsplit

from chainlit.config import config

SHARE, EMBED = "/share", "/embed"


def new() -> str:
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """By which the store knows it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def path(token: str, start: str = SHARE) -> str:
    return f"{config.run.root_path}{start}/{token}"


def public(path: str) -> str:
    """With the public address of this server, where one is configured (``CHAINLIT_URL``, as for OAuth); else as it is.
    What a request says of that address anybody may have written."""
    address = urlsplit(os.environ.get("CHAINLIT_URL", ""))
    return f"{address.scheme}://{address.netloc}{path}" if address.scheme in ("http", "https") else path

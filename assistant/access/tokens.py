"""Tokens: what the cookie of a session holds. Chainlit reads them too, so they have the claims of its own ones.

Always true: a token names its session. One that does not, as Chainlit's own, belongs to none and is over.
"""

import time
from dataclasses import dataclass
from typing import Any

import jwt
from chainlit.auth.jwt import get_jwt_secret


@dataclass(frozen=True)
class Token:
    name: str
    session: str
    """Empty: none, the token was not made here."""


def issue(name: str, session: str, lasts: float, display_name: str | None = None) -> str:
    """A token for `lasts` seconds."""
    now = int(time.time())
    claims: dict[str, Any] = {"identifier": name, "display_name": display_name, "metadata": {}, "jti": session}
    return jwt.encode({**claims, "iat": now, "exp": now + int(lasts)}, _secret(), algorithm="HS256")


def read(token: str | None) -> Token | None:
    """Whose token this is; None for none, or for one that Chainlit will refuse by itself."""
    try:
        claims = jwt.decode(token or "", _secret(), algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return None
    return Token(str(claims.get("identifier")), str(claims.get("jti", "")))


def _secret() -> str:
    secret = get_jwt_secret()
    assert secret
    return secret

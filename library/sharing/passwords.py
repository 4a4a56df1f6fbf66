"""The password of a link: kept as a salted hash (scrypt, RFC 7914), and what a browser holds that has told it.

Always true: a new password, or none, ends what browsers hold of the former one.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import partial

_N, _R, _P = 1 << 15, 8, 3
"""As OWASP names them for 32 MiB."""
_THREADS = ThreadPoolExecutor(2, "share-passwords")
"""Two at once: each takes 32 MiB and a core for some tenths of a second."""


async def hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(await _derived(password, salt, _N, _R, _P))}"


async def verify(password: str, known: str) -> bool:
    """``known``: as ``hashed`` gave it."""
    _, n, r, p, salt, key = known.split("$")
    found = await _derived(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(key))


async def _derived(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    given = password.encode("utf-8", "surrogatepass")
    work = partial(hashlib.scrypt, given, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def proof(share_id: str, known: str) -> str:
    """What a browser holds that has told the password of this hash."""
    return hmac.new(known.encode(), f"share {share_id}".encode(), hashlib.sha256).hexdigest()


def proves(given: str, share_id: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), proof(share_id, known).encode())

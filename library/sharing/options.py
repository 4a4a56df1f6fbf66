"""What a form says of a link. Always true: a page of another site shows it in a frame only if everybody may see it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from starlette.datastructures import FormData

from datalayer.records import now
from datalayer.shares import ShareOptions

from . import passwords

MOST_DAYS = 3_650
"""After which a link ends, where it does."""
_DAY = 86_400_000_000
MOST_SITES, SHORTEST, LONGEST = 10, 8, 200
"""Sites of a link; characters of a password."""
_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_ORIGIN = re.compile(rf"https?://({_LABEL}(\.{_LABEL})*|\[[0-9a-f:.]+\])(?P<port>:[0-9]{{1,5}})?")


class Refused(Exception):
    """``key``: of the text that says why, with ``values``."""

    def __init__(self, key: str, **values: int) -> None:
        super().__init__(key)
        self.key, self.values = key, values


@dataclass(frozen=True, slots=True)
class Wanted:
    options: ShareOptions
    snapshot: bool


async def wanted(form: FormData, before: ShareOptions | None = None) -> Wanted:
    """``before``: what holds of the link that is changed; None: it is made. Raises Refused."""
    audience = str(form.get("audience", ""))
    if audience not in ("public", "signed_in"):
        raise Refused("share_no_option")
    keeps = before is not None and form.get("protected") == "yes"
    options = ShareOptions(
        audience=audience,  # type: ignore[arg-type]
        expires_at=_ends(str(form.get("ends", "")), before),
        password=before.password if before and keeps else None,
        files=form.get("files") == "yes",
        author=form.get("author") == "yes",
        cost=form.get("cost") == "yes",
        sites=origins(str(form.get("sites", "")).replace(",", " ").split()),
    )
    return Wanted(await checked(options, str(form.get("password", ""))), form.get("kind") == "snapshot")


async def checked(options: ShareOptions, password: str) -> ShareOptions:
    """With the hash of this password; "": as they are. Raises Refused."""
    if password and not SHORTEST <= len(password) <= LONGEST:
        raise Refused("share_bad_password", n=SHORTEST)
    if options.sites and (options.audience != "public" or password or options.password):
        raise Refused("share_frame_public")
    return replace(options, password=await passwords.hashed(password)) if password else options


def _ends(given: str, before: ShareOptions | None) -> int | None:
    if given == "same" and before:
        return before.expires_at
    if given == "never":
        return None
    if not given.isdecimal() or len(given) > 4 or int(given) not in range(1, MOST_DAYS + 1):
        raise Refused("share_no_option")
    return after(int(given))


def after(days: int) -> int:
    return now() + days * _DAY


def origins(given: Iterable[str]) -> tuple[str, ...]:
    """As browsers write them. Raises Refused."""
    found = tuple(dict.fromkeys(map(_origin, given)))
    if len(found) > MOST_SITES:
        raise Refused("share_many_sites", n=MOST_SITES)
    return found


def _origin(given: str) -> str:
    """No path, no asterisk, and a name with other letters in its form of ASCII."""
    scheme, sign, rest = given.lower().removesuffix("/").partition("://")
    try:
        written = f"{scheme}{sign}" + rest.encode("idna").decode() if not rest.isascii() else f"{scheme}{sign}{rest}"
    except UnicodeError:
        raise Refused("share_bad_site") from None
    match = _ORIGIN.fullmatch(written)
    if match is None or len(written) > 255 or int((match["port"] or ":1")[1:]) not in range(1, 65536):
        raise Refused("share_bad_site")
    return written

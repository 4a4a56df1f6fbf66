"""What a form says of a link. Always true: a page of another site shows it in a frame only if everybody may see it."""

import re
from dataclasses import dataclass

from starlette.datastructures import FormData

from datalayer.records import now
from datalayer.shares import ShareOptions

from . import passwords

_MOST_DAYS = 3_650
"""After which a link ends, where it does."""
_DAY = 86_400_000_000
MOST_SITES, SHORTEST, LONGEST = 10, 8, 200
"""Sites of a link; characters of a password."""
_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_ORIGIN = re.compile(rf"https?://({_LABEL}(\.{_LABEL})*|\[[0-9a-f:.]+\])(?P<port>:[0-9]{{1,5}})?")


class Refused(Exception):
    """``key``: of the text that says why."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Wanted:
    options: ShareOptions
    snapshot: bool


async def wanted(form: FormData, before: ShareOptions | None = None) -> Wanted:
    """``before``: what holds of the link that is changed; None: it is made. Raises Refused."""
    audience = str(form.get("audience", ""))
    if audience not in ("public", "signed_in"):
        raise Refused("share_no_option")
    sites = origins(str(form.get("sites", "")))
    known, given = (before.password if before else None), str(form.get("password", ""))
    if given and not SHORTEST <= len(given) <= LONGEST:
        raise Refused("share_bad_password")
    keeps = known is not None and form.get("protected") == "yes"
    if sites and (audience != "public" or given or keeps):
        raise Refused("share_frame_public")
    options = ShareOptions(
        audience=audience,  # type: ignore[arg-type]
        expires_at=_ends(str(form.get("ends", "")), before),
        password=await passwords.hashed(given) if given else known if keeps else None,
        files=form.get("files") == "yes",
        author=form.get("author") == "yes",
        cost=form.get("cost") == "yes",
        sites=sites,
    )
    return Wanted(options, form.get("kind") == "snapshot")


def _ends(given: str, before: ShareOptions | None) -> int | None:
    if given == "same" and before:
        return before.expires_at
    if given == "never":
        return None
    if not given.isdecimal() or len(given) > 4 or int(given) not in range(1, _MOST_DAYS + 1):
        raise Refused("share_no_option")
    return now() + int(given) * _DAY


def origins(given: str) -> tuple[str, ...]:
    """The sites that a text names, one a word. Raises Refused."""
    found = tuple(dict.fromkeys(map(_origin, given.replace(",", " ").split())))
    if len(found) > MOST_SITES:
        raise Refused("share_many_sites")
    return found


def _origin(given: str) -> str:
    """As browsers write it: no path, no asterisk, and a name with other letters in its form of ASCII."""
    scheme, sign, rest = given.lower().removesuffix("/").partition("://")
    try:
        written = f"{scheme}{sign}" + rest.encode("idna").decode() if not rest.isascii() else f"{scheme}{sign}{rest}"
    except UnicodeError:
        raise Refused("share_bad_site") from None
    match = _ORIGIN.fullmatch(written)
    if match is None or len(written) > 255 or int((match["port"] or ":1")[1:]) not in range(1, 65536):
        raise Refused("share_bad_site")
    return written

"""What is done to text on its way in: made storable, folded for search, cut to a title."""

import json
import re
import unicodedata
from contextlib import suppress
from math import isfinite
from typing import Any, Literal
from uuid import UUID

from .errors import InvalidInput

TITLE_LENGTH = 60
NAME_LENGTH = 500
ID_LENGTH = 255
MAX_DEPTH = 200
FOLDER_DEPTH = 10
TAG_LENGTH = 100

# NUL is refused by PostgreSQL's text and jsonb types, lone surrogates cannot be encoded as UTF-8 by any driver.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# What is drawn as nothing although it is neither white space nor a format character (Default_Ignorable_Code_Point, and
# the empty pattern of Braille).
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def clean(value: Any, what: str = "value", depth: int = 0) -> Any:
    """The same JSON value with every NUL and lone surrogate replaced by U+FFFD, and numbers that are not finite by
    None, in strings, keys and all depths.

    Raises InvalidInput for what JSON cannot carry; ``what`` names it in the message.
    """
    if isinstance(value, str):
        # The slice makes a plain str of a subclass; str() of an enum would be its name.
        return value[:] if is_storable(value) else _UNSTORABLE.sub("\ufffd", value)
    if depth > MAX_DEPTH:
        raise InvalidInput(f"{what}: nested too deeply")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None  # as JavaScript writes them into JSON
    if isinstance(value, dict):
        return {clean(str(k)): clean(v, what, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(v, what, depth + 1) for v in value]
    raise InvalidInput(f"{what}: a {type(value).__name__} cannot be stored as JSON")


def is_storable(value: str) -> bool:
    """Whether every database takes it as it is. To encode it takes a tenth of the time of a search."""
    if "\x00" in value:
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def clean_dict(value: Any, what: str) -> dict[str, Any] | None:
    """``clean`` for what must be a dict, JSON of one (as Chainlit's SQLAlchemy layer reads it from SQLite) or None.

    Raises InvalidInput.
    """
    if isinstance(value, str) and value.startswith("{"):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if value is not None and not isinstance(value, dict):
        raise InvalidInput(f"{what}: must be a dict")
    cleaned: dict[str, Any] | None = clean(value, what)
    return cleaned


def identifier(value: Any, what: str) -> str:
    """``value`` as an id: 1 to 255 printable characters, also of a UUID or a number. Raises InvalidInput."""
    value = as_id(value)
    if not is_identifier(value):
        raise InvalidInput(f"{what}: an id has 1 to {ID_LENGTH} printable characters")
    return str(value)


def user_name(value: Any) -> str:
    """``value`` as the identifier of a user: of two that differ none becomes the other's, so what no database takes is
    refused, not replaced. Raises InvalidInput."""
    if not isinstance(value, str) or not value:
        raise InvalidInput("A user needs an identifier")
    if not is_storable(value):
        raise InvalidInput("A user's identifier cannot have NUL or half a surrogate pair in it")
    return value[:]


def as_id(value: Any) -> Any:
    """The text of a UUID or a number, which Chainlit's own layers take as ids; anything else as it is."""
    return str(value) if isinstance(value, (UUID, int)) and not isinstance(value, bool) else value


def is_identifier(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= ID_LENGTH and value.isprintable()


def fold(value: str | None) -> str:
    """``value`` without accents and case, for comparison: NFKD, combining marks dropped, casefolded."""
    if not value:
        return ""
    if value.isascii():
        return value.lower()
    decomposed = normal("NFKD", value)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def normal(form: Literal["NFC", "NFKD"], value: str) -> str:
    """``unicodedata.normalize``, but 100 characters at a time; what is composed across two such pieces stays as it is.

    Its time grows with the square of a run of accents: 100,000 of them would stop the process for minutes.
    """
    return "".join(unicodedata.normalize(form, value[at : at + 100]) for at in range(0, len(value), 100))


def one_line(value: str) -> str:
    """``value`` with every run of white space and control characters as one space."""
    if value.isprintable() and "  " not in value:  # of white space it has the plain one only
        return value.strip()
    return _SPACE.sub(" ", value).strip()


def undirected(value: str) -> str:
    """``value`` without the marks that turn the letters behind them round: a file would seem to have another ending."""
    return _TURNING.sub("", value)


def is_seen(value: str) -> bool:
    """Whether a reader sees anything of it."""
    return any(unicodedata.category(c) not in ("Cf", "Cc", "Zs", "Zl", "Zp") for c in _BLANK.sub("", value))


def thread_name(value: str) -> str:
    """A name given by a person or an app, on one line. Raises InvalidInput beyond 500 characters."""
    name = one_line(value)
    if len(name) > NAME_LENGTH:
        raise InvalidInput(f"A conversation's name has at most {NAME_LENGTH} characters")
    return name


def folder(path: Any) -> str:
    """The path of a folder: parts between slashes, each on one line, without empty ones; case is kept. "" is none.

    Raises InvalidInput for what not every database takes, a part of dots only or of what nobody sees, more than 10
    parts or 255 characters.
    """
    if not isinstance(path, str) or not is_storable(path):
        raise InvalidInput("The name of a folder cannot have NUL or half a surrogate pair in it")
    if len(path) > 20 * ID_LENGTH:
        raise InvalidInput(f"The path of a folder has at most {ID_LENGTH} characters")
    parts = [part for part in map(one_line, normal("NFC", path).split("/")) if part]
    if any(not part.strip(".") for part in parts):
        raise InvalidInput("A folder cannot be named with dots only")
    if not all(map(is_seen, parts)):
        raise InvalidInput("A folder cannot be named with invisible characters only")
    if len(parts) > FOLDER_DEPTH:
        raise InvalidInput(f"Folders are at most {FOLDER_DEPTH} deep")
    if len(found := "/".join(parts)) > ID_LENGTH:
        raise InvalidInput(f"The path of a folder has at most {ID_LENGTH} characters")
    return found


def tag(value: Any) -> str:
    """A tag, on one line. Raises InvalidInput for one of which nothing is seen, beyond 100 characters, or what not
    every database takes."""
    if not isinstance(value, str) or not is_storable(value):
        raise InvalidInput("A tag cannot have NUL or half a surrogate pair in it")
    if len(value) > 20 * TAG_LENGTH or len(found := one_line(normal("NFC", value))) > TAG_LENGTH:
        raise InvalidInput(f"A tag has at most {TAG_LENGTH} characters")
    if not is_seen(found):
        raise InvalidInput("A tag needs a name")
    return found


def title(message: str) -> str:
    """The first words of ``message``, cut at a word, at most 60 characters with the ellipsis."""
    line = one_line(message[: 20 * TITLE_LENGTH])
    if len(line) <= TITLE_LENGTH:
        return line
    head = line[: TITLE_LENGTH - 1]
    # A script without spaces, or one endless word, has no word to cut at.
    if line[TITLE_LENGTH - 1] != " " and " " in head:
        head = head[: head.rindex(" ")]
    return head.rstrip(" ,;:.–—-") + "…"

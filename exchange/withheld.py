"""What no export has: keys, tokens, passwords and what a session of Chainlit's held, wherever an app has put them.

What people have said is theirs and stays, also where a password stands in it; so does what a person has set, such as a
system prompt. Looked through is what an app keeps beside it: metadata, settings, properties, addresses.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

_NAME = re.compile(
    r"(.*[_.])?(api_?keys?|access_?keys?|private_?keys?|secret_?keys?|encryption_?keys?|signing_?keys?|passwords?"
    r"|passwd|pwd|passphrases?|secrets?|tokens?|bearer|jwt|authorization|auth|cookies?"
    r"|credentials?|session_?(id|key)?|csrf)(_(value|hash|v?\d))?",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"(.*[_.-])?(key|sig|signature|credential|security-token|awsaccesskeyid|code)", re.IGNORECASE)
"""What lets somebody in as a parameter of an address, besides."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VALUE = re.compile(
    r"(sk|pk|rk|xox[abprs]|gh[pousr]|glpat|hf)[-_][\w-]{16,}|github_pat_\w{20,}|AIza[\w-]{30,}|AKIA[A-Z0-9]{16}"
    r"|(Bearer|Basic|Token) \S{8,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\$(argon2|2[aby]|scrypt)\S{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*",
    re.DOTALL,
)
_LONGEST = 10_000
"""Characters of a value that may be a key."""
OF_SESSION = frozenset({"id", "user", "env", "user_env", "userEnv", "http_referer", "http_cookie"})
"""Keys of a thread's metadata in which Chainlit keeps what a session was, and what a browser has sent along."""


def without(value: Any) -> Any:
    """A JSON value without what is withheld in it; the very same one where nothing is."""
    return _kept(value) if any(_found(value)) else value


def of_thread(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a thread, as ``without``."""
    known = without(metadata)
    return {key: each for key, each in known.items() if key not in OF_SESSION} if OF_SESSION & known.keys() else known


def _found(value: Any) -> Iterator[bool]:
    if isinstance(value, dict):
        for key, each in value.items():
            if _is_withheld(key, each):
                yield True
            elif isinstance(each, (dict, list)):
                yield from _found(each)
    elif isinstance(value, list):
        for each in value:
            if _is_key(each):
                yield True
            elif isinstance(each, (dict, list)):
                yield from _found(each)


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kept(each) for key, each in value.items() if not _is_withheld(key, each)}
    if isinstance(value, list):
        return [_kept(each) for each in value if not _is_key(each)]
    return value


def _is_withheld(key: str, value: Any) -> bool:
    """A number is a count, as in ``max_tokens``, and what is empty tells nothing."""
    if isinstance(value, (bool, int, float)) or not value:
        return False
    return _is_named(key) or _is_key(value)


@lru_cache(maxsize=4096)
def _is_named(key: str) -> bool:
    return len(key) < 100 and _NAME.fullmatch(_CAMEL.sub("_", key).replace("-", "_")) is not None


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and 16 <= len(value) <= _LONGEST and _VALUE.fullmatch(value) is not None


def address(url: str) -> str:
    """``url`` without a password in it, and without the parameters that let whoever has it in."""
    if not any(sign in url for sign in "?@#"):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:  # no browser opens it
        return ""
    netloc = parts.netloc.rpartition("@")[2]
    kept = parts._replace(netloc=netloc, query=_asked(parts.query), fragment=_asked(parts.fragment))
    return url if kept == parts else urlunsplit(kept)


def _asked(query: str) -> str:
    given = parse_qsl(query, keep_blank_values=True)
    kept = [(key, value) for key, value in given if not (_is_named(key) or _PARAMETER.fullmatch(key) or _is_key(value))]
    if len(kept) == len(given):
        return query
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in kept)

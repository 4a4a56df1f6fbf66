"""The ids of what is imported.

Always true: the same conversation has the same ids at each import, whatever is new of it; those of two people never
meet.
"""

import hashlib

_IMPORTED = "5e7d9c58-1f0e-5b0a-9f63-0c9be6ad6d1b"


def thread_id(author: str | None, origin: str, key: str) -> str:
    """``author``: the identifier of the user; None: it belongs to nobody."""
    return _derived(_IMPORTED, "" if author is None else f"u{author}", origin, key)


def step_id(thread: str, key: str, version: int | None = None) -> str:
    """``version``: of what is in several versions of a question, from the second on, when this one began."""
    return _derived(thread, "step", key, *([] if version is None else [str(version)]))


def copy_id(step: str, version: int) -> str:
    """``version``: when the one began that has another text than what is here of the step."""
    return _derived(_IMPORTED, "copy", step, str(version))


def element_id(step: str, key: str) -> str:
    return _derived(step, "file", key)


def _derived(of: str, *parts: str) -> str:
    """As ``uuid.uuid5``, which takes three times as long."""
    text = "".join(f"{len(part)} {part}" for part in parts)
    found = bytearray(hashlib.sha1(bytes.fromhex(of.replace("-", "")) + text.encode("utf-8", "replace")).digest()[:16])
    found[6], found[8] = found[6] & 0x0F | 0x50, found[8] & 0x3F | 0x80
    digits = found.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

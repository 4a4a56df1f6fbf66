"""What the metadata of a stored message says of it: every key that the app writes there, and what follows from it."""

from collections.abc import Mapping
from typing import Any

from datalayer import versions
from datalayer.forks import MERGED_FROM

COMMAND = "command"
"""The message is a command or the reply to one: the command's key."""
CLEAR = "clear"
"""The key of the command with which the author had all before it forgotten."""
ASIDE = versions.MARK
"""It belongs to a version of a question that is not shown, and is no message: see screen/replacing.py."""
VERSIONS = versions.RECORD
"""Which versions of a question there are."""
MODEL = "model"
"""Which model wrote the answer, or was asked last."""
FALLBACK = "fallback"
"""Why the formatter answered, None: a model did."""
BROKE_OFF = "broke_off"
"""The formatter's answer goes on behind what a model wrote."""
SOURCES = "sources"
"""The passages of files that the answer cites, as ``turns/sources.py`` stores them."""
UNSEARCHED = "unsearched"
"""True: no search finds it (datalayer/search/documents.py). Each would find those before it, with their hits."""

OURS = (COMMAND, ASIDE, VERSIONS, MODEL, FALLBACK, BROKE_OFF, SOURCES, UNSEARCHED, MERGED_FROM)
"""What only the app may write."""

Metadata = Mapping[str, Any] | None


def of_command(key: str) -> dict[str, Any]:
    """The marks of a command, and of its reply."""
    return {COMMAND: key, UNSEARCHED: True}


def is_command(metadata: Metadata) -> bool:
    """Whether a message with this metadata is a command, or the reply to one."""
    return bool((metadata or {}).get(COMMAND))


def forgets(metadata: Metadata) -> bool:
    """Whether a message with this metadata has all before it forgotten."""
    return (metadata or {}).get(COMMAND) == CLEAR


def is_aside(metadata: Metadata) -> bool:
    """Whether what has this metadata is shown to nobody."""
    return bool((metadata or {}).get(ASIDE))


def is_for_models(metadata: Metadata) -> bool:
    """Whether a message with this metadata is for models: no command or its reply, no answer of the formatter alone."""
    marks = metadata or {}
    formatted = marks.get(FALLBACK) and not marks.get(BROKE_OFF)
    return not (is_command(marks) or formatted)

"""Vectors in OpenAI's protocol, as servers really send them: in any order, as numbers or as base64.

Always true: what is no vector of each text, in order, is an error and nothing else.
"""

import base64
import binascii
import json
import struct
from collections.abc import AsyncIterator, Sequence
from typing import Any

from ..base import ModelUnavailable
from ..refusals import Said
from .chunks import failed

_MOST_BYTES = 64 * 1024 * 1024
"""Of an answer: 64 vectors of 4,096 numbers take 6 MB."""


async def whole(body: AsyncIterator[bytes]) -> bytes:
    """Raises ModelUnavailable for more than an answer can be."""
    found = bytearray()
    async for piece in body:
        found += piece
        if len(found) > _MOST_BYTES:
            raise ModelUnavailable("an answer larger than vectors can be")
    return bytes(found)


def vectors(body: bytes, count: int) -> list[Sequence[float]]:
    """Raises ModelUnavailable, Said."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise ModelUnavailable("an answer that is no JSON") from None
    if isinstance(answer, dict) and failed(answer):
        raise Said(None, answer, {})
    data = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise ModelUnavailable("an answer without vectors")
    if len(data) != count:
        raise ModelUnavailable(f"{len(data)} vectors of {count} texts")
    return [_vector(each.get("embedding")) for each in _ordered(data)]


def _ordered(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    places = [each.get("index") for each in data]
    if all(place is None for place in places):
        return data
    if sorted(place if type(place) is int else -1 for place in places) != list(range(len(data))):
        raise ModelUnavailable("vectors that cannot be told apart")
    return sorted(data, key=lambda each: int(each["index"]))


def _vector(given: Any) -> Sequence[float]:
    if isinstance(given, str):
        try:
            raw = base64.b64decode(given, validate=True)
            return struct.unpack(f"<{len(raw) // 4}f", raw)
        except (binascii.Error, ValueError, struct.error):
            raise ModelUnavailable("a vector that is neither numbers nor base64") from None
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], list):  # llama.cpp's, of older versions
        given = given[0]
    if not isinstance(given, list) or not given or not all(type(each) in (int, float) for each in given):
        raise ModelUnavailable("a vector that is no list of numbers")
    return [float(each) for each in given]

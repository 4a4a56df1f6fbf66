"""CSV of usage: a call of a model a line (RFC 4180, UTF-8), with its cost in US dollars.

A cell of text that a spreadsheet would take for a formula has an apostrophe before it.
"""

import csv
import io
from collections.abc import Iterable

from datalayer.records import to_iso
from datalayer.whole import Call, WholeThread

from ..transcript import dollars
from .base import About

COLUMNS = (
    *("started_at", "user", "thread", "kind", "model", "provider", "status", "fallback"),
    *("tokens_in", "tokens_out", "tokens_cached", "estimated", "cost_usd", "price_version"),
    *("latency_ms", "first_token_ms"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # spreadsheets take the wide ones, too


class Csv:
    ending, mime, has_references, separator = ".csv", "text/csv", False, ""

    def head(self, about: About) -> str:
        return _lines([COLUMNS])

    def add(self, whole: WholeThread, about: About) -> str:
        return rows(whole.calls, whole.thread.user_identifier)

    def tail(self) -> str:
        return ""


def rows(calls: Iterable[Call], user: str | None) -> str:
    """``user``: the name of who has spent it."""
    return _lines(_row(call, user) for call in calls)


def _row(call: Call, user: str | None) -> tuple[str | int | None, ...]:
    return (
        *(to_iso(call.started_at), _safe(user), _safe(call.thread_id), _safe(call.kind), _safe(call.model)),
        *(_safe(call.provider), _safe(call.status), _safe(call.fallback)),
        *(call.tokens_in, call.tokens_out, call.tokens_cached, int(call.estimated)),
        *(None if call.cost is None else dollars(call.cost), _safe(call.price_version)),
        *(call.latency // 1000, None if call.first_token is None else call.first_token // 1000),
    )


def _safe(text: str | None) -> str | None:
    """Spaces before a sign hide it from the eye only."""
    return f"'{text}" if text and (text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)) else text


def _lines(rows: Iterable[Iterable[str | int | None]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().replace("\x00", "")

"""What is done to all of a list, as the form that goes on with it: what a request needs of those before it."""

from dataclasses import replace
from typing import Any

from starlette.datastructures import FormData

from datalayer import InvalidInput
from datalayer.records import now

from . import undoing
from .address import Address
from .changing import COUNTS, Change, Outcome
from .selecting import Selection
from .working import Work

_LONGEST = 15
"""Digits of a number that a page of ours has written."""


def read(form: FormData, address: Address, change: Change) -> Work:
    """With an empty name where it is to begin. Raises InvalidInput for what no page of ours has sent."""
    at = min(moment(form), now())
    name = str(form.get("name", ""))
    if name and not undoing.is_name(name):
        raise InvalidInput("There is nothing to go on with")
    return Work(
        change=replace(change, ids=()),
        selection=Selection(address.to(), at),
        name=name,
        total=_number(form, "total"),
        after=str(form.get("after", "")) or None,
        outcome=outcome(form),
    )


def moment(form: FormData) -> int:
    """As of when all was chosen, in UTC microseconds. Raises InvalidInput."""
    return _number(form, "all", 19)


def outcome(form: FormData) -> Outcome:
    """What the requests before have come to."""
    numbers: dict[str, Any] = {name: _number(form, name) for name in COUNTS}
    return Outcome(**numbers)


def fields(work: Work) -> list[tuple[str, str]]:
    """What ``read`` and ``forms.asked`` read."""
    change = work.change
    values = {"move": "folder", "tag": "tags", "untag": "tags"}.get(change.what)
    named = {"all": work.selection.moment, "do": change.what, "name": work.name, "total": work.total}
    named |= {"after": work.after or ""} | ({values: "\n".join(change.values)} if values else {})
    return [*((name, str(value)) for name, value in named.items()), *counts(work.outcome)]


def counts(of: Outcome) -> list[tuple[str, str]]:
    return [(name, str(getattr(of, name))) for name in COUNTS]


def _number(form: FormData, name: str, most: int = _LONGEST) -> int:
    given = str(form.get(name, "0"))
    if not (given.isdecimal() and given.isascii() and len(given) <= most):
        raise InvalidInput("This is no number")
    return int(given)

"""What is chosen in a list, as a file that a browser saves.

Always true: it has only conversations of the person who asks, whatever ids are sent; what is in the trash only where
the trash was shown.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial

from starlette.datastructures import FormData
from starlette.responses import Response

import exchange
from datalayer import InvalidInput, NotFound, Store
from datalayer.records import now
from exchange.sending import TooMany

from . import resuming
from .address import Address
from .changing import MOST
from .selecting import Selection
from .texts import Language

FORMATS = tuple(name for name in ("markdown", "html", "pdf", "json", "jsonl", "csv") if not exchange.missing(name))
"""As they are offered: those whose library is installed."""


class Refused(Exception):
    """``key``: of the sentence that says why, for the status of an answer."""

    def __init__(self, key: str, status: int) -> None:
        super().__init__(key)
        self.key, self.status = key, status


async def export(store: Store, user_id: str, address: Address, form: FormData, to: Language) -> Response:
    """Raises Refused; StoreUnavailable."""
    try:
        return await exchange.download(store, _chosen(store, user_id, address, form), str(form.get("format", "")), to)
    except NotFound:
        raise Refused("export_none", 404) from None
    except TooMany:
        raise Refused("export_busy", 429) from None
    except InvalidInput:
        raise Refused("no_action", 422) from None


def _chosen(store: Store, user_id: str, address: Address, form: FormData) -> exchange.Selection:
    """Raises Refused, InvalidInput."""
    trash = address.show == "trash"
    if form.get("all"):
        every = Selection(address.to(), min(resuming.moment(form), now()))
        return exchange.Selection(user_id, trash=trash, listed=partial(_ids, store, user_id, every))
    ids = tuple(dict.fromkeys(str(each) for each in form.getlist("id")))
    if not ids:
        raise Refused("none_chosen", 422)
    if len(ids) > MOST:
        raise Refused("export_many", 413)
    return exchange.Selection(user_id, ids, trash=trash)


async def _ids(store: Store, user_id: str, every: Selection) -> AsyncIterator[Sequence[str]]:
    async for threads, _ in every.batches(store, user_id):
        yield [thread.id for thread in threads]

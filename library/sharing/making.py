"""A link is made: its secret is known to whoever has asked for it, and to nobody else."""

from datalayer import Store
from datalayer.records import Thread
from datalayer.shares import Share, ShareOptions

from . import links, shown


async def make(store: Store, thread: Thread, options: ShareOptions, snapshot: bool) -> tuple[Share, str]:
    """``thread``: of whoever asks. Raises DataLayerError: CannotShare; NotFound where it is gone."""
    token = links.new()
    kept = await shown.snapshot(store, thread) if snapshot else None
    return await store.make_share(thread.user_id or "", thread.id, links.digest(token), options, kept), token

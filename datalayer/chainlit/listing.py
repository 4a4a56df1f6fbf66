"""The list of threads as Chainlit asks for it: the sidebar's has their names, that of a search what was found."""

from dataclasses import asdict, dataclass
from typing import Any

from chainlit.types import PageInfo, PaginatedResponse, Pagination, ThreadDict, ThreadFilter

from ..errors import InvalidInput
from ..records import to_iso, utc_offset
from ..search.query import Problem
from ..store import Store
from . import shapes


@dataclass
class FoundResponse(PaginatedResponse[ThreadDict]):
    """Beside the page, what ``search.results.FoundThreads`` says; Chainlit's own page does not look at it."""

    problems: tuple[Problem, ...] = ()
    meant: str | None = None
    indexed: int | None = None
    since: int | None = None

    def to_dict(self) -> dict[str, Any]:
        page: dict[str, Any] = super().to_dict()  # type: ignore[no-untyped-call]
        since = None if self.since is None else to_iso(self.since)
        problems = list(map(asdict, self.problems))
        return {**page, "problems": problems, "meant": self.meant, "indexed": self.indexed, "since": since}


async def list_threads(store: Store, pagination: Pagination, filters: ThreadFilter) -> PaginatedResponse[ThreadDict]:
    """As ``DataLayer.list_threads``. Raises InvalidInput."""
    if not filters.userId:
        raise InvalidInput("A list of conversations needs a user")
    first, cursor, feedback = pagination.first, pagination.cursor, filters.feedback
    if not (filters.search or "").strip():
        page = await store.threads(filters.userId, first, cursor, feedback=feedback)
        listed = [shapes.thread(thread, thread.last_activity_at) for thread in page.threads]
        return PaginatedResponse(_info(listed, page.next), listed)
    found = await store.found_threads(filters.userId, filters.search or "", first, cursor, feedback, utc_offset())
    listed = [shapes.hit(thread, hit) for thread, hit in zip(found.threads, found.hits, strict=True)]
    return FoundResponse(_info(listed, found.next), listed, found.problems, found.meant, found.indexed, found.since)


def _info(listed: list[ThreadDict], following: str | None) -> PageInfo:
    return PageInfo(following is not None, listed[0]["id"] if listed else None, following)

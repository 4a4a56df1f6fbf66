"""What is kept for how long, as whoever runs the app has set it: in sentences, and what it means for one person now."""

import asyncio
from dataclasses import dataclass

from datalayer import Store, backup

from .texts import Language, say


@dataclass(frozen=True, slots=True)
class Rules:
    said: list[str]
    limited: bool
    """Something goes by itself, besides what is in the trash."""
    counted: str | None = None
    """What would go now; None: nobody has asked."""


async def rules(store: Store, user_id: str, count: bool, to: Language) -> Rules:
    """``count``: what would go is counted, which takes as long as all messages of the person take to be read. Raises
    DataLayerError."""
    policy = store.cleanup.policy
    said = [say("keep_trash", to, n=store.trash_days) if store.trash_days else say("keep_no_trash", to)]
    if policy is None:
        return Rules([*said, say("keep_all", to)], limited=False)
    for name in ("max_age_days", "max_threads", "max_messages_per_thread"):
        if (most := getattr(policy, name)) is not None:
            said.append(say(f"keep_{name}", to, n=most))
    said.append(say("keep_interval", to, n=policy.cleanup_interval_hours))
    found = await store.facets(user_id, archived=None)
    said.append(say("keep_always", to, n=found.pinned))
    return Rules(said, limited=True, counted=await _counted(store, user_id, to) if count else None)


async def _counted(store: Store, user_id: str, to: Language) -> str:
    going = await store.cleanup.going(user_id)
    counted = {"goes": going.threads, "goes_messages": going.messages, "in_use": going.in_use}
    told = [say(f"keep_{name}", to, n=n) for name, n in counted.items() if n]
    return " ".join(told) or say("keep_nothing_goes", to)


async def in_backups(store: Store, to: Language) -> str:
    """Which backups still hold what is deleted now; "": none that the store knows of."""
    found = await asyncio.to_thread(backup.backups, store.place.backups)
    return say("sure_backups", to, n=len(found)) if found else ""

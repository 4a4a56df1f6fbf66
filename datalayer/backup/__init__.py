"""Backups that are proven: made while the app writes, opened and checked before they count, restored in drills.

A folder of backups holds ``<UTC stamp>/threads.db`` and ``verified.json`` for each of them, and one pool ``blobs/`` in
which content is stored once however many backups hold it. Everything here blocks; from a coroutine call it in a thread.

What is named here is for a store in a file; ``kinds`` has the same for one on a server, too.
"""

from .damage import set_aside
from .folder import Backup, backups, find, keep, newest, prune
from .proof import Report, verify
from .recovery import Restored, check, drill, finish_restore, restore
from .schedule import keep_backing_up
from .snapshot import before_upgrade, make
from .upkeep import Optimised, info, optimise
from .versions import migrate, status

__all__ = [
    "Backup",
    "Optimised",
    "Report",
    "Restored",
    "backups",
    "before_upgrade",
    "check",
    "drill",
    "find",
    "finish_restore",
    "info",
    "keep",
    "keep_backing_up",
    "make",
    "migrate",
    "newest",
    "optimise",
    "prune",
    "restore",
    "set_aside",
    "status",
    "verify",
]

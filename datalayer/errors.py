"""Every error that leaves this package.

They are HTTP exceptions because Chainlit calls a data layer from inside its endpoints and translates nothing: as plain
exceptions all of them would reach the browser as "500 Internal Server Error". The message is therefore written for the
person at the screen and never holds SQL, a path or a parameter; the driver's own exception is kept as ``__cause__``.
"""

from typing import ClassVar

from starlette.exceptions import HTTPException


class DataLayerError(HTTPException):
    """Base of all errors of this package. ``retryable``: the same call may succeed later, unchanged."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(self.status, message)

    def __str__(self) -> str:
        return self.detail


class InvalidInput(DataLayerError):
    """A value cannot be stored (wrong type, unreadable time, too long). Nothing was changed; correct it, call again."""

    status = 400


class Forbidden(DataLayerError):
    """The row belongs to another thread or another user. Nothing was changed."""

    status = 403


class NotFound(DataLayerError):
    """The row does not exist, or not for the user who asked. Nothing was changed."""

    status = 404


class StoreUnavailable(DataLayerError):
    """The database did not take the call: locked by another process, disk full, read-only, or gone.

    Look at the cause in the log, make room or release the lock; the next call works again without a restart.
    """

    status = 503
    retryable = True


class ConnectionLost(StoreUnavailable):
    """The database ended the connection in the middle of the call: it is going away, or cannot bear this one."""


class BlobVanished(StoreUnavailable):
    """What a spool holds of an element came too late: its content was stored, let go and removed meanwhile."""


class StoreUnusable(StoreUnavailable):
    """The database cannot be used until somebody acts; writes go to the spool meanwhile. Nothing was changed."""

    status = 500


class StoreCorrupt(StoreUnusable):
    """The database is damaged. Move it aside and restore a backup."""


class StoreTooNew(StoreUnusable):
    """The database was written by a newer version of this package. Upgrade the package, or restore an older backup."""


class StoreTooOld(StoreUnusable):
    """The database server is older than what this package works with. Upgrade the server."""


class StoreForeign(StoreUnusable):
    """The file is no database, or the database is another application's. Give this package one of its own."""


class WrongLoop(DataLayerError):
    """The data layer is used in another event loop than before. Make a ``DataLayer`` in each, and close it there."""


class StoreClosed(DataLayerError):
    """``close()`` was called before. Make a new ``DataLayer``."""

    status = 503

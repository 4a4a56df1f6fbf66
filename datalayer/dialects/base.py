"""What is the same for all databases: what an error means that is no driver's."""

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from ..errors import DataLayerError, InvalidInput, StoreUnavailable


def reason(error: BaseException) -> str:
    """What lies under ``error``, for a log: the driver's code or a class name. Never a message, it may quote data."""
    while error.__cause__ is not None:
        error = error.__cause__
    return getattr(error, "sqlite_errorname", type(error).__name__)


def driver_error(error: BaseException) -> BaseException:
    """What SQLAlchemy has wrapped."""
    return error.orig if isinstance(error, (DBAPIError, StatementError)) and error.orig else error


def translate(error: BaseException) -> DataLayerError:
    """The error of this package that says what ``error`` means for the caller, where its kind alone tells it."""
    cause = driver_error(error)
    if isinstance(cause, DataLayerError):
        return cause
    if isinstance(cause, (ValueError, TypeError, OverflowError)):
        return InvalidInput("The database refuses this value")
    if isinstance(cause, (OSError, TimeoutError)):
        return StoreUnavailable("The database cannot take this right now")
    if isinstance(cause, SQLAlchemyError):
        return DataLayerError("The database failed")
    return DataLayerError("The data layer failed")

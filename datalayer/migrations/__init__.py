"""Schema versions. Each runs in the transaction of the connection it is given: a kill leaves the old or the new one."""

import logging
from pathlib import Path

from sqlalchemy import Connection


def _run(connection: Connection, direction: str, revision: str) -> None:
    # Alembic takes longer to import than the rest of this package; a database that is up to date never needs it.
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)  # ten lines of plug-ins at the first start of an app
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    getattr(command, direction)(config, revision)


def upgrade(connection: Connection, revision: str = "head") -> None:
    _run(connection, "upgrade", revision)


def downgrade(connection: Connection, revision: str) -> None:
    """``revision``: "base" removes all tables and what they hold."""
    _run(connection, "downgrade", revision)

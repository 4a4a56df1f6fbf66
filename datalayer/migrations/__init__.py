"""Schema versions, and the one way to move between them: Alembic, on a connection of the caller's."""

import logging
import threading
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

# Alembic keeps what it works on in module globals: two migrations at once would meet there.
_one_at_a_time = threading.Lock()

Direction = Literal["upgrade", "downgrade"]


def run(
    connection: Connection,
    direction: Direction = "upgrade",
    revision: str = "head",
    versions: str = "alembic_version",
    schema: str | None = None,
) -> None:
    """Brings the database up to ``revision``, or down to it ("base": nothing is left), in the caller's transaction.

    ``versions``: the table that says which revision the database has. ``schema``: where all tables are, None: the
    connection's own. Blocks.
    """
    # Alembic takes longer to import than the rest of this package; a database that is up to date never needs it.
    logging.getLogger("alembic").setLevel(logging.WARNING)  # ten lines about plug-ins at the first start of an app
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes.update(connection=connection, versions=versions, schema=schema)
    with _one_at_a_time:
        getattr(command, direction)(config, revision)

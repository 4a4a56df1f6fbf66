"""Schema versions. Each call runs in one transaction: a kill leaves the old version or the new one."""

import logging
import threading
from pathlib import Path
from typing import Literal

from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.engine import URL

# Alembic keeps what it works on in module globals: two migrations at once would meet there.
_one_at_a_time = threading.Lock()


def migrate(
    url: URL, direction: Literal["upgrade", "downgrade"] = "upgrade", revision: str = "head", patience: float = 5.0
) -> None:
    """Brings the database up to ``revision``, or down to it ("base": nothing is left). Blocks; call it in a thread.

    ``patience``: seconds to wait for another process's lock.

    A connection of its own, because SQLite checks foreign keys while it rebuilds a table unless they are switched off,
    which is impossible inside a transaction (https://www.sqlite.org/lang_altertable.html#otheralter).
    """
    # Alembic takes longer to import than the rest of this package; a database that is up to date never needs it.
    logging.getLogger("alembic").setLevel(logging.WARNING)  # ten lines about plug-ins at the first start of an app
    from alembic import command
    from alembic.config import Config

    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": patience})

    @event.listens_for(engine, "connect")
    def connect(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # type: ignore[attr-defined]
        connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]
        connection.execute("PRAGMA secure_delete=ON")  # type: ignore[attr-defined]

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with _one_at_a_time, engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
            raise RuntimeError(f"the migration would leave {len(broken)} rows without what they point to")
        connection.commit()

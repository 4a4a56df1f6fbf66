"""Uploads lie beside the code, and the end of one server removes those of every other server of that folder.

``config.py`` makes ``.files`` in the folder of the app when it is imported, which may be read-only; ``lifespan``
(server.py) removes it whole. Here uploads lie in a folder of this process's own.
"""

from contextlib import suppress
from pathlib import Path

import chainlit.config
from chainlit import server


def install(folder: Path) -> None:
    made = chainlit.config.FILES_DIRECTORY
    chainlit.config.FILES_DIRECTORY = server.FILES_DIRECTORY = folder  # type: ignore[attr-defined]
    with suppress(OSError):  # another server's uploads are in it
        made.rmdir()

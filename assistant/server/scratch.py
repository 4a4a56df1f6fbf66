"""The folder of this process below the data folder: all that Chainlit writes, and what is uploaded.

Chainlit writes into the folder of the code, which may be read-only, and at its end removes the uploads of every server
there. A folder is locked as long as its process lives; those without a lock are removed by the next start.
"""

import fcntl
import os
import shutil
import tempfile
import uuid
from importlib.util import find_spec
from pathlib import Path

NAME = "run"
UPLOADS = ".files"
_LOCK = "lock"


def make(home: Path) -> Path:
    """The folder, in ``home``, of mode 0700. Raises OSError."""
    folder = home / NAME / str(uuid.uuid4())
    folder.mkdir(mode=0o700, parents=True)
    # Never closed: the system drops the lock with the process, however that ends.
    fcntl.flock(os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), fcntl.LOCK_EX)
    _sweep(folder)
    for name in (UPLOADS, "tmp"):
        (folder / name).mkdir(mode=0o700)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "tmp")
    return folder


def _sweep(own: Path) -> None:
    """Removes what dead processes left."""
    for other in own.parent.iterdir():
        if other == own:
            continue
        try:
            lock = os.open(other / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # it is being made this moment, or removed
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(other, ignore_errors=True)
        except BlockingIOError:
            pass  # it lives
        finally:
            os.close(lock)


def furnish(folder: Path, code: Path) -> None:
    """Makes ``folder`` what Chainlit takes for the folder of the app. Raises OSError."""
    chainlit = find_spec("chainlit")
    assert chainlit is not None
    assert chainlit.submodule_search_locations is not None
    translations = folder / ".chainlit" / "translations"
    translations.mkdir(parents=True)
    # Chainlit adds those that it misses, one by one, and says so. Content only: a file may be read-only where it is.
    for source in (Path(chainlit.submodule_search_locations[0]) / "translations", code / ".chainlit" / "translations"):
        for language in source.glob("*.json"):
            shutil.copyfile(language, translations / language.name)
    for page in code.glob("chainlit*.md"):
        shutil.copyfile(page, folder / page.name)
    for name in (".chainlit/config.toml", "public"):
        if (code / name).exists():
            (folder / name).symlink_to(code / name)

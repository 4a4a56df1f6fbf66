"""An environment that holds the wheel and what the wheel asks for, nothing else, made without a network."""

import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.processes import ROOT


def build(folder: Path) -> Path:
    """Makes the source distribution of this checkout, and of that the wheel; returns the wheel."""
    _python("-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder))
    [source] = folder.glob("*.tar.gz")
    pip = ("-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    _python(*pip, "--wheel-dir", str(folder), str(source))
    [wheel] = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """Makes the environment; returns its Python. What ``wheel`` asks for is linked from the one that runs the tests."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = ("-m", "pip", "--python", str(python))
    _python(*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel))
    [packages] = folder.glob("lib/python*/site-packages")
    [installed] = packages.glob("threadkeep-*.dist-info")
    for package in _needed(Distribution.at(installed).requires or []):
        _link(package, packages)
    _python(*pip, "check")
    return python


def _needed(wanted: Iterable[str], extras: Iterable[str] = (), seen: set[str] | None = None) -> Iterator[Distribution]:
    """What pip would install for the requirements ``wanted``, read from what is installed here."""
    seen = set() if seen is None else seen
    for each in map(Requirement, wanted):
        applies = not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        key = f"{canonicalize_name(each.name)} {sorted(each.extras)}"
        if applies and key not in seen:
            seen.add(key)
            yield (found := distribution(each.name))
            yield from _needed(found.requires or [], each.extras, seen)


def _link(package: Distribution, packages: Path) -> None:
    for file in package.files or []:
        target = packages / file
        if ".." in file.parts or target.is_symlink():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file.locate())


def _python(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

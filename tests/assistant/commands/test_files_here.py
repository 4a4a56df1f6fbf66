"""What is said of the files of a conversation: whether answers draw on them, and why not; which one is meant."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.commands.asked import Asked, Reply
from assistant.commands.files_here import _status, delete, remove
from datalayer.passages import ContextFile, FileUse, Status
from datalayer.writes import TrashElement


@pytest.mark.parametrize(
    ("name", "mime", "status", "refused", "said"),
    [
        ("a.png", "image/png", "waiting", None, "unread"),
        ("a.docx", "application/octet-stream", "refused", "broken", "refused"),
        ("a.md", "text/markdown", "refused", "not_text", "refused"),
        ("a.bin", "application/octet-stream", "waiting", None, "refused"),
        ("a.md", "text/markdown", "waiting", None, "waiting"),
        ("a.md", "text/markdown", "read", None, "read"),
    ],
)
def test_only_what_models_see_is_said_to_be_for_them(
    name: str, mime: str, status: Status, refused: str | None, said: str
) -> None:
    read = ContextFile("e", "s", name, mime, 1, "", "", 0, status, "r", refused, None, 0, False, superseded=False)
    assert _status(read) == said


class Files:
    """A store that has the files of one conversation, and nothing else."""

    def __init__(self, *names: str) -> None:
        self._files = [(f"e{n}", name) for n, name in enumerate(names)]
        self.out: set[str] = set()
        self.trash: set[str] = set()

    async def context_files(self, _thread: str, left_out: bool = False) -> list[ContextFile]:
        here = [(key, name) for key, name in self._files if key not in self.trash]
        newest = {name: key for key, name in here if key not in self.out}
        told: list[Any] = [("text/plain", 1, "", "", 0, "read", "r", None, None, 1, False)]
        return [
            ContextFile(key, key, name, *told[0], key not in self.out and newest[name] != key, key in self.out)
            for key, name in here
            if left_out or key not in self.out
        ]

    async def trashed_files(self, _thread: str) -> list[FileUse]:
        gone = [(key, name) for key, name in self._files if key in self.trash]
        return [FileUse(key, key, name, None, 0, "t", None, "", "", 1, False) for key, name in gone]

    async def submit(self, write: Any) -> None:
        (self.trash if isinstance(write, TrashElement) else self.out).add(write.id)


def asked(store: Files) -> Asked:
    services: Any = SimpleNamespace(layer=SimpleNamespace(store=store), trash_days=30)
    thread: Any = SimpleNamespace(id="t")
    settings: Any = None
    return Asked(services, "ann", "ann", thread, settings, "", "en", "")


async def test_that_an_older_version_answers_again_is_said() -> None:
    here = asked(Files("v.txt", "v.txt", "w.txt"))
    told = (await remove(here, "v.txt #2")).text
    assert told.startswith("Answers no longer draw on version 2 of **v.txt**.")
    assert told.endswith("\n\nAnswers draw on version 1 of **v.txt** again.")
    assert "version 1" not in (await delete(here, "v.txt #2")).text  # it has answered before
    here = asked(Files("v.txt", "v.txt"))
    assert (await delete(here, "v.txt #2")).text.endswith("\n\nAnswers draw on version 1 of **v.txt** again.")
    for all_or_old in ("#1", "#all"):
        assert "again" not in (await delete(asked(Files("v.txt", "v.txt")), f"v.txt {all_or_old}")).text


async def test_what_is_left_out_already_is_said_to_be_so() -> None:
    here = asked(Files("v.txt"))
    assert "no longer draw on **v.txt**" in (await remove(here, "v.txt")).text
    assert "had already stopped drawing on **v.txt**" in (await remove(here, "v.txt")).text


@pytest.mark.parametrize("does", [remove, delete])
async def test_why_no_file_is_meant(does: Callable[[Asked, str], Awaitable[Reply]]) -> None:
    store = Files("v.txt", "v.txt", "old plan.txt", "new plan.txt", "gone.txt")
    store.trash.add("e4")
    here = asked(store)
    assert (await does(here, "v.txt #9")).text == "**v.txt** has no version 9: there are 2 here."
    assert (await does(here, "new plan.txt #9")).text.endswith("has no version 9: there is only one here.")
    assert (
        "Several files of this conversation are called so: **old plan.txt**, **new plan.txt**."
        in (await does(here, "plan")).text
    )
    told = (await does(here, "gone.txt")).text
    assert told.startswith("No file of this conversation is called “gone.txt”.")
    assert "In the trash: **gone.txt**." in told
    assert (await does(here, "x")).text == "No file of this conversation is called “x”. `/files` lists them."
    assert (store.out, store.trash) == (set(), {"e4"})

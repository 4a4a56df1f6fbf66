"""What a command is asked with, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datalayer.passages import ContextFile
from datalayer.records import StepFile, Thread
from datalayer.whole import WholeThread
from datalayer.writes import VISITOR, Actor

from ..services import Services
from ..settings import Settings
from ..texts import Language, say
from ..texts.markdown import escape

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that has come with the command."""

    id: str
    """Of its element."""
    name: str
    path: Path
    """Of a copy that nobody else needs."""


def quiet(_: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    services: Services
    user: str
    """The id of who asks."""
    identifier: str | None
    """The name of who asks, None where nobody logs in."""
    thread: Thread
    settings: Settings
    words: str
    """What follows the name of the command."""
    to: Language
    root: str
    """The path the app is mounted under."""
    temporary: WholeThread | None = None
    """What the page holds of a conversation that is not stored."""
    held: Sequence[ContextFile] | None = None
    """Its files; None: the conversation is stored, and its files with it."""
    attached: Sequence[Attached] = ()
    """Where the command is for files."""
    progress: Callable[[int], None] = quiet
    """Is told how much of what takes long is done."""

    @property
    def actor(self) -> Actor:
        return self.identifier or VISITOR

    def link(self, thread_id: str, name: str | None) -> str:
        return f"[{escape(name or say('untitled', self.to))}]({self.root}/thread/{thread_id})"


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    name: str | None = None
    """What the conversation is called now, None: as before."""
    figure: "Figure | None" = None
    file: tuple[str, str, bytes] | None = None
    """Name, type and content of one that comes with it, in a conversation that is not stored."""
    opens: str | None = None
    """The thread that the page opens then."""
    moved: bool = False
    """Whether the list of conversations is another one now."""
    adds: tuple[StepFile, ...] = ()
    """Files of other conversations that come with it."""
    gone: tuple[str, ...] = ()
    """Ids of elements that are no longer there."""
    shows: tuple[str, ...] = ()
    """Ids of elements that are there again."""
    cited_anew: bool = False
    """Whether what answers cite of files is to be shown anew: some are gone, or back."""

"""Threadkeep's data layer measured side by side with Chainlit's own and with bare sqlite3: ``python -m bench``."""

from dataclasses import dataclass

NAMES = (
    *("list", "search", "start", "create", "concurrent", "resume", "servers"),
    *("stream", "backup", "chats", "screens", "locked", "hot", "flood", "paint", "long", "scale"),
    *("organised", "retrieval", "carry", "extraction", "sessions", "http"),
)
EVIDENCE = NAMES[:7]
"""What is said of large stores: ``bench/RESULTS.md`` is written when all of these are measured."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. The defaults are the published run."""

    rounds: int = 3
    creates: int = 200
    callers: int = 100
    creates_each: int = 10
    spread: int = 20
    threads: tuple[int, ...] = (100, 1_000, 10_000, 100_000)
    """Of ten messages each; searches are measured from the second on."""
    real_threads: int = 2_000
    """Of messages that are as long as real ones, for the size on the disk."""
    patience: float = 30
    """Seconds after which a contestant is given up."""
    slow: float = 3
    """Seconds of an operation from which on one round is enough."""
    steps_each: int = 40
    thread_steps: tuple[int, ...] = (100, 10_000)
    messages: tuple[int, int] = (100, 10_000)
    """Of the conversations that are opened in a browser."""
    read_for: float = 0.2
    """Seconds for which a read is repeated in each round; at least once."""
    tokens: int = 4_000
    backup_threads: int = 600
    backup_files: int = 100
    chats: int = 50
    answer_tokens: int = 200
    locked: int = 30
    """Seconds for which another process has the database."""
    hot_messages: int = 200
    hot_users: int = 1_000
    hot_messages_each: int = 40
    flood: int = 1_500
    flood_tokens: int = 50
    scale_users: int = 10_000
    """A thousandth of docs/scaling.md's."""
    scale_turns: int = 2
    organised: tuple[int, int] = (1_000, 100_000)
    """Threads of one user that are filtered, counted and changed."""
    at_once: int = 1_000
    """Of which so many are changed together."""
    extracted: int = 100
    """Pages of the files that are read, or what takes about as much text."""
    read_threads: tuple[int, ...] = (10, 1_000)
    """Each with a file of 100 passages."""
    carried: tuple[int, ...] = (5_000,)
    """Threads of ten messages that are exported."""
    brought: tuple[int, ...] = (100_000,)
    """The same, imported."""
    sessions: tuple[int, ...] = (100, 1_000)
    """That are kept as JSON, too."""
    session_writes: int = 20
    asked: int = 1_000
    """Threads of ten messages that the REST API reads of."""


QUICK = Sizes(
    carried=(20,),
    brought=(200,),
    sessions=(100,),
    session_writes=2,
    asked=40,
    read_threads=(2, 5),
    rounds=1,
    creates=10,
    callers=10,
    creates_each=2,
    spread=5,
    threads=(40, 100, 300),
    real_threads=20,
    slow=0.3,
    steps_each=10,
    thread_steps=(20, 500),
    messages=(100, 400),
    read_for=0.005,
    tokens=400,
    backup_threads=10,
    backup_files=2,
    chats=3,
    answer_tokens=20,
    locked=2,
    hot_messages=20,
    hot_users=20,
    hot_messages_each=10,
    flood=50,
    flood_tokens=10,
    scale_users=50,
    scale_turns=5,
    organised=(100, 300),
    at_once=20,
    extracted=4,
)

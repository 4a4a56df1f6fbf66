"""Threadkeep's data layer measured side by side with Chainlit's own and with bare sqlite3: ``python -m bench``."""

from dataclasses import dataclass

NAMES = ("create", "concurrent", "list", "resume")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. The defaults are the published run."""

    rounds: int = 5
    creates: int = 200
    callers: int = 100
    creates_each: int = 20
    spread: int = 20
    users_threads: tuple[int, ...] = (100, 1_000, 10_000)
    steps_each: int = 40
    thread_steps: tuple[int, ...] = (100, 10_000)
    chainlit_lists_up_to: int = 1_000
    """Its list loads every step of up to 1,000 threads, so that a larger store takes minutes and shows no more."""


QUICK = Sizes(
    rounds=2,
    creates=20,
    callers=10,
    creates_each=4,
    spread=5,
    users_threads=(40, 80, 160),
    steps_each=10,
    thread_steps=(20, 500),
    chainlit_lists_up_to=80,
)

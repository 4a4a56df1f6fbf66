"""Conversations that are longer than anybody would type, put into the database of a server that runs."""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

BEGAN, TURN = 1_760_000_000_000_000, 60_000_000  # UTC microseconds
_THREAD = """INSERT INTO threads (id, user_id, name, name_source, metadata, created_at, last_activity_at)
    SELECT ?, id, ?, 'user', '{}', ?, ? FROM users"""
_STEP = """INSERT INTO steps
    (id, thread_id, parent_id, type, name, output, created_at, start, "end", metadata, favorite)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', 0)"""


def long_thread(home: Path, name: str, turns: int, more: str = "") -> tuple[str, list[str]]:
    """Its id, and those of its messages: "Question 1", "Answer 1", …, each with ``more``. The store has one user."""
    thread_id, steps = str(uuid.uuid4()), []
    for number in range(1, turns + 1):
        asked, run, said = (str(uuid.uuid4()) for _ in range(3))
        at = BEGAN + number * TURN
        steps += [
            (asked, thread_id, None, "user_message", "User", f"Question {number}{more}", *(at,) * 3),
            (run, thread_id, asked, "run", "on_message", "", *(at + 1,) * 3),
            (said, thread_id, run, "assistant_message", "Assistant", f"Answer {number}{more}", *(at + 2,) * 3),
        ]
    with closing(sqlite3.connect(home / "threads.db", timeout=30)) as database, database:
        made = database.execute(_THREAD, (thread_id, name, BEGAN, BEGAN + turns * TURN))
        assert made.rowcount == 1
        database.executemany(_STEP, steps)
    return thread_id, [step[0] for step in steps if step[3] != "run"]

"""What was measured, as Markdown."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from statistics import median

from . import Sizes, long, search, servers
from .cases import CONCURRENT, CREATE, LIST, RESUME
from .chats import AT_ONCE, BETWEEN, FIRST, FIRST_TOKEN, LOCKED_FIRST, RATE, SDK, SECOND_SCREEN, STOP
from .contestants import BARE, CHAINLIT, NORMAL, OURS
from .durability import BACKUP, COPY, PACED, UNSAVED
from .flood import FLOOD, IDLE
from .hot import COLD, HOT, REDIS, TURN
from .measure import Result
from .paint import CHAINLITS, PAINT


def environment() -> str:
    """Versions and cores."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("chainlit", "sqlalchemy", "aiosqlite"))
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}, {os.cpu_count()} cores\n"


def table(results: Sequence[Result]) -> str:
    """Medians of all, and how many times Threadkeep's time each takes: median (min–max over the rounds)."""
    lines = ["| case | contestant | median | time ÷ Threadkeep's |", "|---|---|---:|---:|"]
    for result in results:
        ratios = _ratios(results, (result.case, result.contestant), (result.case, OURS))
        ratio = "1" if result.contestant == OURS else _spread(ratios) if ratios else "–"
        lines.append(f"| {result.case} | {result.contestant} | {_figure(result)} | {ratio} |")
    return "\n".join(lines) + "\n"


def _figure(result: Result) -> str:
    seconds = median(result.seconds)
    lost = f" ({result.lost:,} of {result.written:,} lost)" if result.lost else ""
    figure = f"{_short(seconds * 1000)} ms" if result.unit == " ms" else f"{1 / seconds:,.0f}{result.unit}"
    return figure + lost + (f", {result.note}" if result.note else "")


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _spread(values: Sequence[float]) -> str:
    return f"{_short(median(values))} ({_short(min(values))}–{_short(max(values))})"


def _ratios(results: Sequence[Result], slow: tuple[str, str], fast: tuple[str, str]) -> list[float]:
    """``slow``, ``fast``: case and contestant. Round by round, so that what disturbs the machine for a while disturbs
    both; empty when one was not measured."""
    seconds = {(result.case, result.contestant): result.seconds for result in results}
    return [a / b for a, b in zip(seconds.get(slow, []), seconds.get(fast, []), strict=False)]


def notes(sizes: Sizes) -> str:
    """What the figures mean."""
    lines = [
        f"- Medians of {sizes.rounds} round(s) after one to warm up; all take turns in each, in one process.",
        "- All were checked to return the same steps and the same first page, except where rows were lost.",
        f"- {CHAINLIT} sets journal_mode=WAL and synchronous=FULL as Threadkeep does; as shipped it keeps SQLite's"
        " defaults, a rollback journal with synchronous=FULL. Its reads are measured in WAL mode.",
        f"- {NORMAL} may lose the last writes in a power cut; Threadkeep is not run so.",
        f"- {BARE} uses Threadkeep's schema, pragmas and indexes in the caller's own thread: one upsert and commit"
        " a step and nothing else; a read builds a dict a row and parses the JSON columns.",
        "- Lost: reported as stored, yet not in the file (warm-up included). Such rows are not counted into the rate.",
        "- A resumed thread is alone in its database, which favours Chainlit's queries: they scan all steps.",
        f"- Chainlit's list is left out above {sizes.chainlit_lists_up_to:,} threads: for each page it loads every step"
        " of up to 1,000 threads, so that it takes long and shows no more.",
        "- An answer goes through the chat app's own code into a session with nobody at the other end; it ends when it"
        " is saved as complete. At a model's pace it is saved every 150 ms, in bursts of tokens with a pause between.",
        f"- {SDK} streams the same answer from the same model server, which takes {FIRST} s to the first token and"
        f" {BETWEEN} s to each further one; Threadkeep's is timed in a browser's client, through websocket and disk.",
        "- The history of a turn is taken and given back; writing the turn's messages is the same for all and left out."
        " Hot sessions are held as JSON; memory is what Python allocates for them.",
        f"- A search gives threads with snippets; that of {BARE}, with FTS5, the texts of the newest messages. Its"
        " index is beside ours and not in the size.",
        "- A burst comes through one websocket of another person; the answer is asked for as it ends.",
        f"- {servers.CHAINLIT} is the one that Chainlit recommends, on the same server; MariaDB is another server, with"
        " its own defaults. Each caller's call is durable when it returns. The reads are of steps without elements.",
        "- A backup is a first one, which copies all, and is checked before it counts; the plain copy is not checked.",
    ]
    return "\n".join(lines) + "\n"


def expected(results: Sequence[Result], sizes: Sizes) -> str:
    """The promises, and whether this run keeps them."""
    small, middle, large = (LIST.format(count) for count in sizes.users_threads)
    concurrent = CONCURRENT.format(sizes.callers)
    short, resume = (RESUME.format(count) for count in (sizes.thread_steps[0], sizes.thread_steps[-1]))
    paced, backup = PACED.format(sizes.tokens), BACKUP.format(sizes.backup_threads, sizes.backup_files)

    def ratios(case: str, slow: str, fast: str) -> list[float]:
        return _ratios(results, (case, slow), (case, fast))

    def milliseconds(case: str) -> list[float]:
        return [s * 1000 for each in results if (each.case, each.contestant) == (case, OURS) for s in each.seconds]

    growth = _ratios(results, (large, OURS), (small, OURS))
    creates, durable = ratios(concurrent, CHAINLIT, OURS), ratios(concurrent, OURS, NORMAL)
    lists, dicts = ratios(middle, CHAINLIT, OURS), ratios(resume, OURS, BARE)
    saving, copy = ratios(paced, UNSAVED, OURS), ratios(backup, OURS, COPY)
    locked, turn = LOCKED_FIRST.format(sizes.locked), TURN.format(sizes.hot_messages)
    flooded = FLOOD.format(sizes.flood_tokens, sizes.flood)
    rate, many = RATE.format(sizes.answer_tokens), AT_ONCE.format(sizes.chats, sizes.answer_tokens)
    first, pace, crowd = (ratios(FIRST_TOKEN, OURS, SDK), ratios(rate, SDK, OURS), ratios(many, SDK, OURS))
    lines = [
        _line(f"{CREATE}: at most 2.5 times the time of {BARE}", ratios(CREATE, OURS, BARE), 2.5),
        _line(f"{concurrent}: at least 40 times the rate of Chainlit's layer, as durable", creates, 40, least=True),
        _line(f"{concurrent}: at most 1.5 times the time with synchronous=NORMAL", durable, 1.5),
        _line(f"{large}: less than 2 ms", milliseconds(large), 2),
        _line(f"{large}: at most 1.5 times the time of {sizes.users_threads[0]:,}", growth, 1.5),
        _line(f"{middle}: at least 500 times faster than Chainlit's layer", lists, 500, least=True),
        _line(f"{middle}: at most 3 times the time of {BARE}", ratios(middle, OURS, BARE), 3),
        _line(f"{short}: at most twice the time of {BARE} with dicts", ratios(short, OURS, BARE), 2),
        _line(f"{resume}: at most 1.2 times the time of {BARE} with dicts", dicts, 1.2),
        _line(f"{paced}: at least 0.97 times the rate {UNSAVED}", saving, 0.97, least=True),
        _line(f"{FIRST_TOKEN}: at most 1.1 times that of the {SDK}", first, 1.1),
        _line(f"{SECOND_SCREEN}: at most 100 ms", milliseconds(SECOND_SCREEN), 100),
        _line(f"{locked}: less than 1,000 ms", milliseconds(locked), 1_000),
        _line(f"{STOP}: less than 200 ms", milliseconds(STOP), 200),
        _line(f"{rate}: at least 0.9 times the rate of the {SDK}", pace, 0.9, least=True),
        _line(f"{many}: at least 0.9 times the rate of the {SDK}", crowd, 0.9, least=True),
        _line(f"{turn}: hot in at most half the time of cold", ratios(turn, HOT, COLD), 0.5),
        _line(f"{turn}: out of Redis in less time than out of the database", ratios(turn, REDIS, COLD), 1),
        _line(f"{flooded}: at most 3 times its idle time", ratios(flooded, OURS, IDLE), 3),
        _line(f"{PAINT}: at most 1.5 times that of {CHAINLITS}", ratios(PAINT, OURS, CHAINLITS), 1.5),
        *_of_long_ones(results, sizes),
        *_of_searches(results, sizes),
        *_on_servers(results, sizes),
        _line(f"{backup}: at most 5 times the time of a {COPY}", copy, 5),
    ]
    small_sizes = "\n(--quick: the sizes are too small to judge by.)" if sizes.tokens < Sizes().tokens else ""
    return "\n".join(["## Expected\n", *lines]) + small_sizes


def _of_long_ones(results: Sequence[Result], sizes: Sizes) -> list[str]:
    few, many = sizes.messages
    opened = _ratios(results, (long.OPEN.format(many), OURS), (long.OPEN.format(few), OURS))
    read = [s * 1000 for each in results if each.case == long.READ.format(many) for s in each.seconds]
    return [
        _line(f"{long.OPEN.format(many)}: at most 1.5 times the time of {few:,}", opened, 1.5),
        _line(f"{long.READ.format(many)}: less than 100 ms", read, 100),
    ]


def _of_searches(results: Sequence[Result], sizes: Sizes) -> list[str]:
    cases = [search.FOUND.format(sizes.search_messages[-1], kind) for kind in search.KINDS]
    taken = {each.case: [s * 1000 for s in each.seconds] for each in results if each.contestant == OURS}
    return [_line(f"{case}: less than 10 ms", taken.get(case, []), 10) for case in cases]


def _on_servers(results: Sequence[Result], sizes: Sizes) -> list[str]:
    together = servers.TOGETHER.format(sizes.callers)
    reads = [servers.LIST.format(sizes.users_threads[1]), *map(servers.RESUME.format, sizes.thread_steps)]

    def ratios(case: str, slow: str, fast: str) -> list[float]:
        return _ratios(results, (case, slow), (case, fast))

    return [
        _line(
            f"{together}: at least 3 times the rate of {servers.CHAINLIT}",
            ratios(together, servers.CHAINLIT, OURS),
            3,
            True,
        ),
        *(
            _line(f"{case}: at most the time of {servers.CHAINLIT}", ratios(case, OURS, servers.CHAINLIT), 1)
            for case in reads
        ),
        _line(f"{together}: MariaDB in at most twice the time", ratios(together, servers.MARIADB, OURS), 2),
    ]


def _line(promise: str, values: Sequence[float], bound: float, least: bool = False) -> str:
    if not values:
        return f"- {promise}: not measured"
    found = median(values)
    kept = found >= bound if least else found <= bound
    return f"- {promise}: **{'ok' if kept else 'not met'}**, {_spread(values)}"

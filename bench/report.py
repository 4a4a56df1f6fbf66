"""What was measured, as Markdown."""

from collections.abc import Sequence
from statistics import median

from . import Sizes
from .chats import BETWEEN, FIRST, SDK
from .contestants import BARE, CHAINLIT, NORMAL, OURS, POSTGRES, TRIGGERS
from .measure import DIRECT, Result

Groups = dict[str, list[Result]]
"""Results by the name of the group."""


def tables(groups: Groups) -> str:
    """A table for each group: a line a case, a column a contestant."""
    return "\n".join(f"### {name}\n\n{table(results)}" for name, results in groups.items() if results)


def table(results: Sequence[Result]) -> str:
    names, cases = (list(dict.fromkeys(each)) for each in zip(*((r.contestant, r.case) for r in results), strict=True))
    by = {(result.case, result.contestant): result for result in results}
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for case in cases:
        cells = [_cell(results, by[case, name]) if (case, name) in by else "–" for name in names]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(results: Sequence[Result], result: Result) -> str:
    if result.given_up or not result.seconds:
        return result.given_up or "–"
    said = [_figure(result)]
    if result.tails and not result.once:
        said.append(f"p95 {_short(median(result.tails) * 1000)} ms")
    compared = ratios(results, (result.case, result.contestant), (result.case, OURS))
    if result.contestant != OURS and compared:
        said.append(f"× {_short(median(compared))}")
    if result.lost:
        said.append(f"{result.lost:,} of {result.written:,} lost")
    return ", ".join([*said, *([result.note] if result.note else []), *(["once"] if result.once else [])])


def _figure(result: Result) -> str:
    seconds = median(result.seconds)
    if result.unit in DIRECT:
        return f"{_short(seconds)}{result.unit}"
    if result.unit != " ms":
        return f"{1 / seconds:,.0f}{result.unit}"
    return f"{seconds:,.1f} s" if seconds >= 10 else f"{_short(seconds * 1000)} ms"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def spread(values: Sequence[float]) -> str:
    return f"{_short(median(values))} ({_short(min(values))}–{_short(max(values))})"


def ratios(results: Sequence[Result], slow: tuple[str, str], fast: tuple[str, str]) -> list[float]:
    """``slow``, ``fast``: case and contestant. Round by round, so that what disturbs the machine for a while disturbs
    both; empty when one was not measured."""
    seconds = {(result.case, result.contestant): result.seconds for result in results}
    return [a / b for a, b in zip(seconds.get(slow, []), seconds.get(fast, []), strict=False)]


def notes(sizes: Sizes) -> str:
    """What the figures mean."""
    lines = [
        f"- Medians of {sizes.rounds} round(s) after one to warm up; all take turns in each, in one process.",
        f"- × 3: in three times the time of {OURS}, or with three times its memory or disk. p95: 95 of 100 calls took"
        " at most that; beside a rate, it is what a caller waits.",
        "- All were checked to return the same steps and the same first page, except where rows were lost.",
        f"- {CHAINLIT} sets journal_mode=WAL and synchronous=FULL as Threadkeep does; as shipped it keeps SQLite's"
        " defaults, a rollback journal with synchronous=FULL. Its reads are measured in WAL mode.",
        f"- {NORMAL} may lose the last writes in a power cut; Threadkeep is not run so.",
        f"- {BARE} uses Threadkeep's schema, pragmas and indexes in the caller's own thread: one upsert and commit"
        " a step and nothing else; a read builds a dict a row and parses the JSON columns.",
        "- Lost: reported as stored, yet not in the file (warm-up included). Such rows are not counted into the rate.",
        "- A resumed thread is alone in its database, which favours Chainlit's queries: they scan all steps.",
        f"- {CHAINLIT} loads every step of the newest 1,000 threads for a page, and for a search, in which it looks for"
        f" the very characters; it shows no others. {POSTGRES} looks in the names of threads only. What is not found of"
        " the first page is said.",
        f"- What takes longer than {sizes.patience:g} s is ended, and not tried with more; what takes longer than"
        f" {sizes.slow:g} s is measured once.",
        f"- {TRIGGERS} is that and an FTS5 table of the texts, kept by triggers in the same transaction; one"
        " transaction for all that are called at once.",
        "- An answer goes through the chat app's own code into a session with nobody at the other end; it ends when it"
        " is saved as complete. At a model's pace it is saved every 150 ms, in bursts of tokens with a pause between.",
        f"- {SDK} streams the same answer from the same model server, which takes {FIRST} s to the first token and"
        f" {BETWEEN} s to each further one; Threadkeep's is timed in a browser's client, through websocket and disk.",
        "- The history of a turn is taken and given back; writing the turn's messages is the same for all and left out."
        " Hot sessions are held as JSON; memory is what Python allocates for them.",
        f"- A search gives threads with snippets; that of {BARE}, with FTS5, the texts of the newest messages. A dash:"
        " it has no such search.",
        "- A start is one of `python -m assistant serve`, until the first page is there, and one of a Chainlit app"
        " without a data layer, until its page is there; the files have been read before. The size is that of the"
        " database's file.",
        "- A burst comes through one websocket of another person; the answer is asked for as it ends.",
        f"- {POSTGRES} is the one that Chainlit recommends, on the same server; MariaDB is another server, with"
        " its own defaults. Each caller's call is durable when it returns. The reads are of steps without elements.",
        "- A backup is a first one, which copies all, and is checked before it counts; the plain copy is not checked.",
        "- Questions ask for what a made-up text says, in other words or other forms of them; which passages have the"
        " answer is known. All texts are files of one conversation. Beside that: whether the answer is seen when the"
        " newest files are put into a window whole.",
    ]
    return "\n".join(lines) + "\n"

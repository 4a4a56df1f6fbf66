"""What is promised of the figures, and whether a run keeps it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from . import Sizes, bring, carry, http, listing, long, organised, retrieval, search, servers, sessions, start
from .cases import CONCURRENT, CREATE, RESUME
from .chats import AT_ONCE, FIRST_TOKEN, LOCKED_FIRST, RATE, SDK, SECOND_SCREEN, STOP
from .contestants import BARE, CHAINLIT, NORMAL, OURS, POSTGRES, TRIGGERS
from .durability import BACKUP, COPY, PACED, UNSAVED
from .flood import FLOOD, IDLE
from .hot import COLD, HOT, REDIS, TURN
from .library import EACH
from .measure import Result
from .paint import CHAINLITS, PAINT
from .report import Groups, ratios, spread


@dataclass(frozen=True)
class Promise:
    """``values``: by round, of which the median is at most ``bound``, or with ``least`` at least that; empty: they were
    not measured."""

    text: str
    values: Sequence[float]
    bound: float
    least: bool = False

    @property
    def met(self) -> bool | None:
        """None: not measured."""
        if not self.values:
            return None
        found = median(self.values)
        return found >= self.bound if self.least else found <= self.bound

    def __str__(self) -> str:
        if self.met is None:
            return f"- {self.text}: not measured"
        return f"- {self.text}: **{'met' if self.met else 'not met'}**, {spread(self.values)}"


class Measured:
    """The results of a run, as promises ask for them."""

    def __init__(self, groups: Groups) -> None:
        self._results = list(chain.from_iterable(groups.values()))

    def times(self, case: str, slow: str, fast: str) -> list[float]:
        """How many times as long ``slow`` takes as ``fast``, by round."""
        return ratios(self._results, (case, slow), (case, fast))

    def growth(self, large: str, small: str) -> list[float]:
        """How many times as long Threadkeep takes in the case ``large`` as in ``small``, by round."""
        return ratios(self._results, (large, OURS), (small, OURS))

    def milliseconds(self, case: str) -> list[float]:
        return [each * 1_000 for each in self.figures(case)]

    def figures(self, case: str, contestant: str = OURS) -> list[float]:
        """By round, in the unit that it has where it is no time."""
        return [each for of in self._of(case, contestant) for each in of.seconds]

    def tails(self, case: str) -> list[float]:
        """Milliseconds that 95 of 100 calls took at most, by round."""
        return [each * 1_000 for of in self._of(case) for each in of.tails]

    def cases(self, beginning: str) -> list[str]:
        return [of.case for of in self._results if of.case.startswith(beginning) and of.contestant == OURS]

    def _of(self, case: str, contestant: str = OURS) -> list[Result]:
        return [of for of in self._results if (of.case, of.contestant) == (case, contestant)]


def promises(groups: Groups, sizes: Sizes) -> list[Promise]:
    found = Measured(groups)
    return [
        *chain.from_iterable(of(found, sizes) for of in (_lists, _searches, _starts, _writes, _resumes, _on_servers)),
        *chain.from_iterable(of(found, sizes) for of in (_answers, _others, _long_ones, _organised, _retrieved)),
        *chain.from_iterable(of(found, sizes) for of in (_out, _sessions, _over_http)),
    ]


def report(groups: Groups, sizes: Sizes, quick: bool = False) -> str:
    """``quick``: the sizes are too small to judge by."""
    made = promises(groups, sizes)
    measured = [promise for promise in made if promise.met is not None]
    kept = sum(promise.met is True for promise in measured)
    small = " The sizes of a quick run are too small to judge by." if quick else ""
    lines = [f"{kept} of the {len(measured)} that were measured are met.{small}", "", *map(str, measured)]
    if missing := len(made) - len(measured):
        lines += ["", f"{missing} others were not measured."]
    return "\n".join(lines) + "\n"


def _lists(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    few, thousand, most = sizes.threads[0], sizes.threads[1], sizes.threads[-1]
    first, middle, large = (listing.LIST.format(threads) for threads in (few, thousand, most))
    yield Promise(f"{large}: less than 2 ms", found.milliseconds(large), 2)
    yield Promise(f"{large}: at most 1.5 times the time of {few:,}", found.growth(large, first), 1.5)
    far, near = listing.later(most), listing.later(sizes.threads[-2])
    yield Promise(f"{far}: at most 1.5 times the time of the first", found.growth(far, large), 1.5)
    yield Promise(f"{far}: at most 1.5 times the time of the same page of fewer", found.growth(far, near), 1.5)
    faster = found.times(middle, CHAINLIT, OURS)
    yield Promise(f"{middle}: at least 500 times faster than {CHAINLIT}", faster, 500, least=True)
    yield Promise(f"{middle}: at most 3 times the time of {BARE}", found.times(middle, OURS, BARE), 3)


def _searches(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    for kind in search.KINDS:
        case = search.sought(sizes.threads[-1], kind)
        yield Promise(f"{case}: median below 10 ms", found.milliseconds(case), 10)
        yield Promise(f"{case}: 95 % below 50 ms", found.tails(case), 50)


def _starts(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    memory = start.memory(sizes.threads[-1])
    yield Promise(f"{memory}: below 350 MB", found.figures(memory), 350)
    for case in found.cases(start.SIZE):
        yield Promise(f"{case}: at most 1.8 times the texts", found.figures(case), 1.8)


def _writes(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    together = CONCURRENT.format(sizes.callers)
    yield Promise(f"{CREATE}: at most 2.5 times the time of {BARE}", found.times(CREATE, OURS, BARE), 2.5)
    chainlit, bare = found.times(together, CHAINLIT, OURS), found.times(together, OURS, TRIGGERS)
    yield Promise(f"{together}: at least 15 times the rate of {CHAINLIT}", chainlit, 15, least=True)
    yield Promise(f"{together}: at most 1.5 times the time of {TRIGGERS}", bare, 1.5)
    durable = found.times(together, OURS, NORMAL)
    yield Promise(f"{together}: at most 1.5 times the time with synchronous=NORMAL", durable, 1.5)


def _resumes(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    short, long_one = (RESUME.format(count) for count in (sizes.thread_steps[0], sizes.thread_steps[-1]))
    yield Promise(f"{short}: at most twice the time of {BARE} with dicts", found.times(short, OURS, BARE), 2)
    yield Promise(
        f"{long_one}: at most 1.5 times the time of {BARE} with dicts", found.times(long_one, OURS, BARE), 1.5
    )


def _on_servers(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    together = servers.TOGETHER.format(sizes.callers)
    rate, mariadb = found.times(together, POSTGRES, OURS), found.times(together, servers.MARIADB, OURS)
    yield Promise(f"{together}: at least 3 times the rate of {POSTGRES}", rate, 3, least=True)
    for case in (servers.LIST.format(sizes.threads[1]), *map(servers.RESUME.format, sizes.thread_steps)):
        yield Promise(f"{case}: at most the time of {POSTGRES}", found.times(case, OURS, POSTGRES), 1)
    yield Promise(f"{together}: MariaDB in at most twice the time", mariadb, 2)


def _answers(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    paced, locked = PACED.format(sizes.tokens), LOCKED_FIRST.format(sizes.locked)
    rate, many = RATE.format(sizes.answer_tokens), AT_ONCE.format(sizes.chats, sizes.answer_tokens)
    saving = found.times(paced, UNSAVED, OURS)
    yield Promise(f"{paced}: at least 0.97 times the rate {UNSAVED}", saving, 0.97, least=True)
    first = found.times(FIRST_TOKEN, OURS, SDK)
    yield Promise(f"{FIRST_TOKEN}: at most 1.1 times that of the {SDK}", first, 1.1)
    yield Promise(f"{SECOND_SCREEN}: at most 100 ms", found.milliseconds(SECOND_SCREEN), 100)
    yield Promise(f"{locked}: less than 1,000 ms", found.milliseconds(locked), 1_000)
    yield Promise(f"{STOP}: less than 200 ms", found.milliseconds(STOP), 200)
    for case in (rate, many):
        at_pace = found.times(case, SDK, OURS)
        yield Promise(f"{case}: at least 0.9 times the rate of the {SDK}", at_pace, 0.9, least=True)


def _others(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    turn, flooded = TURN.format(sizes.hot_messages), FLOOD.format(sizes.flood_tokens, sizes.flood)
    yield Promise(f"{turn}: hot in at most half the time of cold", found.times(turn, HOT, COLD), 0.5)
    redis = found.times(turn, REDIS, COLD)
    yield Promise(f"{turn}: out of Redis in less time than out of the database", redis, 1)
    yield Promise(f"{flooded}: at most 3 times its idle time", found.times(flooded, OURS, IDLE), 3)
    yield Promise(f"{PAINT}: at most 1.5 times that of {CHAINLITS}", found.times(PAINT, OURS, CHAINLITS), 1.5)
    backup = BACKUP.format(sizes.backup_threads, sizes.backup_files)
    yield Promise(f"{backup}: at most 5 times the time of a {COPY}", found.times(backup, OURS, COPY), 5)


def _long_ones(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    few, many = (long.OPEN.format(messages) for messages in sizes.messages)
    read = long.READ.format(sizes.messages[1])
    yield Promise(f"{many}: at most 1.5 times the time of {sizes.messages[0]:,}", found.growth(many, few), 1.5)
    yield Promise(f"{read}: less than 100 ms", found.milliseconds(read), 100)


def _organised(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    few, many = sizes.organised
    small, page = organised.PAGE.format(few), organised.PAGE.format(many)
    yield Promise(f"{page}: less than 30 ms", found.milliseconds(page), 30)
    yield Promise(f"{page}: at most 1.5 times the time of {few:,}", found.growth(page, small), 1.5)
    for what in organised.changes(0):
        bulk = organised.BULK.format(many, sizes.at_once, what)
        yield Promise(f"{bulk}: less than 1,000 ms", found.milliseconds(bulk), 1_000)


def _out(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    for threads in sizes.carried:
        case = carry.CASE.format(threads * EACH, threads, "json")
        rates = [1 / each for each in found.figures(case)]
        yield Promise(f"{case}: at least 20,000 messages a second", rates, 20_000, least=True)
    for threads in sizes.brought:
        case, peak = bring.CASE.format(threads * EACH, threads), bring.PEAK.format(threads)
        rates = [1 / each for each in found.figures(case)]
        yield Promise(f"{case}: at least 8,000 messages a second", rates, 8_000, least=True)
        yield Promise(f"{peak}: less than 300 MB", found.figures(peak), 300)


def _sessions(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    for threads in sizes.sessions:
        for case, times in sessions.TIMES.items():
            for slow in (sessions.FILES, sessions.ONE):
                faster = found.times(case.format(threads), slow, OURS)
                text = f"{case.format(threads)}: at least {times} times faster than {slow}"
                yield Promise(text, faster, times, least=True)


def _over_http(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    for case in http.CASES:
        alone, asked = found.milliseconds(case), [1_000 * each for each in found.figures(case, http.HTTP)]
        added = [over - call for over, call in zip(asked, alone, strict=True)]
        yield Promise(f"{case}: HTTP adds at most 3 ms", added, 3)
    unchanged = [1_000 * each for each in found.figures(http.UNCHANGED, http.HTTP)]
    yield Promise(f"{http.UNCHANGED}: less than 1 ms", unchanged, 1)


def _retrieved(found: Measured, sizes: Sizes) -> Iterator[Promise]:
    for case in found.cases(retrieval.HITS.partition("{")[0] + retrieval.ALL):
        yield Promise(f"{case}: at least 0.9", found.figures(case), 0.9, least=True)
        fused = found.figures(case, retrieval.FUSED)
        yield Promise(f"{case}, {retrieval.FUSED}: at least 0.95", fused, 0.95, least=True)
    few, many = (retrieval.quickly(threads) for threads in (sizes.read_threads[0], sizes.read_threads[-1]))
    yield Promise(f"{many}: less than 10 ms", found.milliseconds(many), 10)
    yield Promise(f"{many}: at most twice the time beside {sizes.read_threads[0]:,}", found.growth(many, few), 2)

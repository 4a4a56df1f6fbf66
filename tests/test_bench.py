"""The bench's own code: what it says of figures, and that it runs. No figure is judged."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chainlit.data.sql_alchemy import SQLAlchemyDataLayer

from bench import QUICK, Sizes, cases, chainlits, contestants, data, library, listing, machine, measure, search
from bench.contestants import BARE, CHAINLIT, OURS, PAGE, TRIGGERS, Bare, Triggers
from bench.expected import Promise
from bench.measure import GivenUp, Patience, Result
from bench.plot import draw
from bench.report import ratios, table
from bench.results import Run, page, write
from tests.processes import ROOT


async def nothing(*_: Any) -> float:
    return 0.0


def result(case: str, contestant: str, *seconds: float, **more: Any) -> Result:
    return Result(case, contestant, nothing, seconds=list(seconds), **more)


@pytest.mark.parametrize(
    ("values", "bound", "least", "met"),
    [
        ([1.4, 9.0, 1.0], 1.5, False, True),
        ([1.6, 1.0, 9.0], 1.5, False, False),
        ([16.0, 15.0, 1.0], 15, True, True),
        ([14.9, 99.0, 1.0], 15, True, False),
        ([], 15, True, None),
    ],
)
def test_a_promise_is_met_by_the_median_of_the_rounds(
    values: list[float], bound: float, least: bool, met: bool | None
) -> None:
    promise = Promise("as fast", values, bound, least)
    assert promise.met is met
    assert {True: "**met**", False: "**not met**", None: "not measured"}[met] in str(promise)


def test_ratios_are_of_the_same_round_and_of_nothing_where_one_gave_up() -> None:
    measured = [result("a", OURS, 1.0, 2.0), result("a", BARE, 4.0, 2.0), result("a", CHAINLIT, given_up="too long")]
    assert ratios(measured, ("a", BARE), ("a", OURS)) == [4.0, 1.0]
    assert ratios(measured, ("a", CHAINLIT), ("a", OURS)) == []


def test_the_table_says_what_was_not_measured_lost_or_measured_once() -> None:
    measured = [
        result("a", OURS, 0.001, 0.003, tails=[0.005, 0.005]),
        result("a", BARE, 0.002, 0.006, note="beside"),
        result("a", CHAINLIT, given_up="longer than 30 s"),
        result("b", OURS, 0.5, unit="/s"),
        result("b", CHAINLIT, 4.0, unit="/s", lost=3, written=10, once=True),
        result("c", OURS, 1.75, unit=" times the texts"),
    ]
    lines = table(measured).splitlines()
    assert lines[0] == f"| | {OURS} | {BARE} | {CHAINLIT} |"
    assert lines[2:] == [
        "| a | 2 ms, p95 5 ms | 4 ms, × 2, beside | longer than 30 s |",
        "| b | 2/s | – | 0/s, × 8, 3 of 10 lost, once |",
        "| c | 1.75 times the texts | – | – |",
    ]


def test_the_middle_of_some_times() -> None:
    assert measure.middle([float(n) for n in range(1, 101)]) == (50.5, 95.0)
    assert measure.middle([3.0]) == (3.0, 3.0)


async def test_what_is_too_slow_is_measured_once_and_what_is_given_up_not_at_all() -> None:
    calls: list[str] = []

    async def run(each: Result, number: int) -> tuple[float, float]:
        calls.append(f"{each.case} {number}")
        if each.case == "given up":
            raise GivenUp("cannot")
        return {"slow": 5.0, "fast": 0.1}[each.case] + number, 7.0

    given = [Result(case, OURS, run) for case in ("fast", "slow", "given up")]
    fast, slow, none = await measure.measure(given, 2, slow=5.0)
    assert calls == ["fast 0", "slow 0", "given up 0", "fast 1", "fast 2"]
    assert (fast.seconds, fast.once, fast.tails) == ([1.1, 2.1], False, [7.0, 7.0])
    assert (slow.seconds, slow.once, slow.tails) == ([5.0], True, [7.0])
    assert (none.seconds, none.given_up) == ([], "cannot")


async def test_a_statement_that_takes_too_long_is_ended_and_no_larger_store_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "chainlit.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x)")
    layer = await contestants.opened(CHAINLIT, path)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    assert isinstance(layer, contestants.Layer)
    theirs = layer._layer
    assert isinstance(theirs, SQLAlchemyDataLayer)
    patience, asked = Patience(0.3), 0

    async def ask() -> Any:
        nonlocal asked
        asked += 1
        return await theirs.execute_sql(endless, {})

    with pytest.raises(GivenUp, match=r"^longer than 0.3 s"):
        await patience.wait(result("small", CHAINLIT), "search", 1, ask, layer.interrupt)
    with pytest.raises(GivenUp, match=r"^not tried \(small: longer"):
        await patience.wait(result("large", CHAINLIT), "search", 2, ask, layer.interrupt)
    assert asked == 1
    assert await patience.wait(result("smaller", CHAINLIT), "search", 0, nothing, lambda: None) == 0.0
    assert await patience.wait(result("large", OURS), "search", 2, nothing, lambda: None) == 0.0
    await layer.close()


async def test_an_error_that_comes_at_once_is_not_taken_for_slowness() -> None:
    async def broken() -> float:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Patience(60).wait(result("a", OURS), "search", 1, broken, lambda: None)


async def test_all_have_the_same_conversations_on_a_shelf(tmp_path: Path) -> None:
    shelf = library.Shelf(tmp_path, 80)
    library.fill(shelf.ours, shelf.threads, shelf.words)
    await library.index(shelf.ours)
    chainlits.fill(shelf.chainlits, shelf.ours)
    contestants.sign_in()
    opened = [await contestants.opened(OURS, shelf.ours), await contestants.opened(CHAINLIT, shelf.chainlits)]
    for contestant in (*opened, Bare(shelf.ours)):
        after = await contestant.cursor(shelf, 1)
        found = await contestant.page(after)
        assert [thread["id"] for thread in found] == [shelf.newest(n) for n in range(PAGE, 2 * PAGE)]
        said = await contestant.thread(shelf.newest(0))
        assert [step["id"] for step in said] == [library.key("step", 790 + n) for n in range(10)]
    ours, theirs = [await contestant.search(library.CHINESE[:3]) for contestant in opened]
    assert len(ours) == len(theirs) == 16
    for contestant in opened:
        await contestant.close()


async def test_the_bare_index_is_kept_with_the_steps(tmp_path: Path) -> None:
    data.fill_ours(tmp_path / "t.db", data.conversations(1, 2))
    bare = Triggers(tmp_path / "t.db")
    (held,) = data.conversations(1, 2)
    new = [step | {"output": "zygomorphic"} for step in data.new_steps(held.id, 3, 1)]

    def found(word: str) -> int:
        (count,) = bare._db.execute("SELECT count(*) FROM texts WHERE texts MATCH ?", (word,)).fetchone()
        return int(count)

    await bare.create_steps(new)
    assert (found("zygomorphic"), bare._db.in_transaction) == (3, False)
    await bare.create_step(new[0] | {"output": "dorsiventral"})
    assert (found("zygomorphic"), found("dorsiventral")) == (2, 1)


def test_the_page_says_what_is_met_and_what_it_was_measured_on(tmp_path: Path) -> None:
    sizes = Sizes()
    first, large = (listing.LIST.format(threads) for threads in (sizes.threads[0], sizes.threads[-1]))
    together = cases.CONCURRENT.format(sizes.callers)
    groups = {
        "list": [result(first, OURS, 0.001), result(large, OURS, 0.0011), result(large, CHAINLIT, given_up="no")],
        "concurrent": [result(together, OURS, 0.001), result(together, TRIGGERS, 0.0005)],
    }
    run = Run(sizes, ["- a machine"], groups, {"servers": "no mysql answers"}, {"hot": "it broke"})
    said = page(run, quick=False)
    assert f"- {large}: less than 2 ms: **met**, 1.1 (1.1–1.1)" in said
    assert f"- {together}: at most 1.5 times the time of {TRIGGERS}: **not met**, 2 (2–2)" in said
    assert "2 of the 3 that were measured are met." in said
    assert "- a machine" in said
    assert "- servers: left out, no mysql answers\n- hot: **failed**, it broke" in said
    write(said, run, tmp_path / "to" / "RESULTS.md", tmp_path / "cost.png")
    assert (tmp_path / "to" / "RESULTS.md").read_text() == said
    assert not (tmp_path / "cost.png").exists()  # no search was measured


def test_the_plot_is_drawn_also_of_what_some_gave_up(tmp_path: Path) -> None:
    sizes = Sizes()
    lists = [
        of
        for threads in sizes.threads
        for case in [listing.LIST.format(threads)]
        for of in (result(case, OURS, 0.001), result(case, CHAINLIT, given_up="longer than 30 s"))
    ]
    searches = [result(search.sought(threads, "rare"), OURS, 0.002) for threads in sizes.threads[1:]]
    draw({"list": lists, "search": searches}, sizes, tmp_path / "cost.png")
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")


async def test_the_machine_is_described_also_without_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TEST_POSTGRES_URL", "TEST_MYSQL_URL"):
        driver = {"TEST_POSTGRES_URL": "postgresql+asyncpg", "TEST_MYSQL_URL": "mysql+asyncmy"}[name]
        monkeypatch.setenv(name, f"{driver}://nobody@127.0.0.1:1/none")
    lines = await machine.described(tmp_path)
    assert "cores" in lines[0]
    assert "SQLite" in lines[1]
    assert lines[2] == "- PostgreSQL: none; MariaDB or MySQL: none"


def test_a_quick_run_measures_and_writes_where_it_is_told(tmp_path: Path) -> None:
    """Of one group: the others start servers."""
    published = ROOT / "bench" / "RESULTS.md"
    before = published.read_bytes() if published.exists() else None
    command = [sys.executable, "-m", "bench", "--quick", "--only", "list", "--folder", str(tmp_path)]
    env = os.environ | {"TEST_POSTGRES_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    command += ["--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "RESULTS.md").read_text() in done.stdout
    assert listing.LIST.format(QUICK.threads[-1]) in done.stdout
    assert (published.read_bytes() if published.exists() else None) == before
    assert list(tmp_path.glob(".bench-*")) == []

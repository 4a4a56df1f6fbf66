"""The table and the chart of ``/usage``, in both languages."""

import json
import subprocess
import sys
from typing import Any

import pytest

from assistant.commands.usage import figure, report
from assistant.usage.prices import VERSION
from datalayer.reports import UsageDay, UsageTotal
from tests.processes import environment

NARROW, WIDE = "\u202f", "\u00a0"


def total(model: str, **given: Any) -> UsageTotal:
    nothing = dict.fromkeys(UsageTotal.__dataclass_fields__, 0)
    return UsageTotal(**{**nothing, "model": model, **given})


def day(when: str, model: str, **given: Any) -> UsageDay:
    nothing = dict.fromkeys(UsageDay.__dataclass_fields__, 0)
    return UsageDay(**{**nothing, "day": when, "model": model, **given})


FLASH = total(
    "gemini-2.5-flash", turns=3, calls=4, tokens_in=12_345, tokens_out=678, tokens_cached=4_000, cost=5_400_000
)
GPT = total("gpt-5", turns=10, calls=12, tokens_in=1_234_560, tokens_out=67_800, cost=1_543_210_000)
LOCAL = total("llama3.2", turns=20, calls=20, tokens_in=99, tokens_out=1, unpriced=20)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")][2:]


class TestTable:
    def test_three_ranges_by_model(self) -> None:
        text = report({"thread": [FLASH], "today": [], "month": [LOCAL, FLASH, GPT]}, "en")
        assert text.splitlines()[:2] == [
            "| | Model | Questions | Tokens in | of which cached | Tokens out | Cost |",
            "|---|---|--:|--:|--:|--:|--:|",
        ]
        assert rows(text) == [
            "| **This conversation** | gemini-2.5-flash | 3 | 12,345 | 4,000 | 678 | US$0.0054 |",
            "| **Today** | – | 0 | 0 | 0 | 0 | US$0.00 |",
            f"| **Last 30 days** | **Total** | 33 | 1,247,004 | 4,000 | 68,479 | ≥{WIDE}US$1.55 |",
            "| | gpt-5 | 10 | 1,234,560 | 0 | 67,800 | US$1.54 |",
            "| | gemini-2.5-flash | 3 | 12,345 | 4,000 | 678 | US$0.0054 |",
            "| | llama3.2 | 20 | 99 | 0 | 1 | – |",
        ]

    def test_french_has_its_own_numbers(self) -> None:
        text = report({"thread": [FLASH], "month": [GPT]}, "fr")
        assert rows(text) == [
            f"| **Cette conversation** | gemini-2.5-flash | 3 | 12{NARROW}345 | 4{NARROW}000 | 678 "
            f"| 0,0054{WIDE}${WIDE}US |",
            f"| **30{WIDE}derniers jours** | gpt-5 | 10 | 1{NARROW}234{NARROW}560 | 0 | 67{NARROW}800 "
            f"| 1,54{WIDE}${WIDE}US |",
        ]

    @pytest.mark.parametrize(
        ("nano_usd", "english"),
        [
            (0, "US$0.00"),
            (1, f"<{WIDE}US$0.0001"),
            (99_999, f"<{WIDE}US$0.0001"),
            (100_000, "US$0.0001"),
            (12_345_678, "US$0.0123"),
            (123_456_789, "US$0.1235"),
            (1_000_000_000, "US$1.00"),
            (1_234_567_891_000, "US$1,234.57"),
        ],
    )
    def test_small_costs_are_said_more_precisely(self, nano_usd: int, english: str) -> None:
        (row,) = rows(report({"today": [total("gpt-5", cost=nano_usd)]}, "en"))
        assert row.endswith(f"| {english} |")

    def test_next_to_nothing_and_more_that_is_unknown_is_unknown(self) -> None:
        (row,) = rows(report({"today": [total("gpt-5", cost=99_999, unpriced=1)]}, "en"))
        assert row.endswith("| – |")

    def test_models_have_names_for_people(self) -> None:
        names = {"gpt-5": "GPT-5 | large"}
        (row,) = rows(report({"today": [GPT]}, "en", names.__getitem__))
        assert "| GPT-5 \\| large |" in row

    def test_nothing_at_all_is_a_sentence(self) -> None:
        assert report({"thread": [], "today": [], "month": []}, "en") == "No model has answered in the last 30 days."


class TestNotes:
    def test_what_has_to_be_known(self) -> None:
        month = [total("gpt-5", turns=1_000, cost=5, unpriced=1, fallbacks=2, failed=3, estimated=4), LOCAL]
        text = report({"month": month}, "en")
        assert text.split("\n\n")[1:] == [
            "In the last 30 days:",
            "- 21 calls without a known price, not in the costs\n"
            "- 4 calls with estimated tokens\n"
            "- 2 answers without a model, of 1,020\n"
            "- 3 failures",
            "Costs are list prices of 5 August 2026; a free quota is not taken off.",
        ]
        assert VERSION == "2026-08-05"

    def test_nothing_to_know(self) -> None:
        assert report({"month": [total("llama3.2", turns=1)]}, "fr").endswith(f"| 0,00{WIDE}${WIDE}US |")


class TestChart:
    DAYS = (
        day("2026-11-01", "gpt-5", tokens_in=1_000, tokens_out=234, cost=5_400_000),
        day("2026-11-30", "gpt-5", tokens_in=1, cost=1_000_000, unpriced=1),
        day("2026-11-30", "llama3.2", tokens_in=5, tokens_out=5, unpriced=1),
    )

    def test_models_are_stacked(self) -> None:
        chart = figure(self.DAYS, "en", str.upper)
        assert chart.layout.barmode == "stack"
        assert [(bar.name, bar.x, bar.y) for bar in chart.data] == [
            ("GPT-5", ("2026-11-01", "2026-11-30"), (1_234, 1)),
            ("LLAMA3.2", ("2026-11-30",), (10,)),
        ]
        assert chart.data[0].marker.color != chart.data[1].marker.color

    def test_the_cost_is_under_the_mouse(self) -> None:
        gpt, local = figure(self.DAYS, "en").data
        assert gpt.hovertext[0] == "1 November 2026<br>gpt-5: 1,234 tokens<br>US$0.0054"
        assert gpt.hovertext[1].endswith(f"<br>≥{WIDE}US$0.0010")
        assert local.hovertext[0].endswith("<br>price unknown")

    def test_french(self) -> None:
        chart = figure(self.DAYS, "fr")
        expected = f"1 novembre 2026<br>gpt-5{WIDE}: 1{NARROW}234{WIDE}jetons<br>0,0054{WIDE}${WIDE}US"
        assert chart.data[0].hovertext[0] == expected
        assert chart.layout.title.text == "Jetons par jour"
        assert chart.layout.xaxis.ticktext[0] == "1 nov."
        assert chart.layout.separators == f",{NARROW}"

    def test_it_takes_the_colour_of_the_page(self) -> None:
        layout = figure(self.DAYS, "en").layout
        assert (layout.paper_bgcolor, layout.plot_bgcolor) == ("rgba(0, 0, 0, 0)", "rgba(0, 0, 0, 0)")

    def test_a_month_has_eight_dates_at_most(self) -> None:
        axis = figure(self.DAYS, "en").layout.xaxis
        assert len(axis.tickvals) == len(axis.ticktext) == 8
        assert axis.range == ("2026-10-31 12:00", "2026-11-30 12:00")

    def test_a_single_day_does_not_fill_it(self) -> None:
        axis = figure(self.DAYS[:1], "en").layout.xaxis
        assert axis.range == ("2026-10-25 12:00", "2026-11-01 12:00")

    @pytest.mark.parametrize("days", [(), DAYS])
    def test_it_can_be_sent(self, days: tuple[UsageDay, ...]) -> None:
        assert len(json.loads(figure(days, "en").to_json())["data"]) == len({each.model for each in days})


def test_a_table_needs_no_plotly() -> None:
    code = "import sys, assistant.commands.usage as u; u.report({'today': []}, 'en'); sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment({})).returncode == 0

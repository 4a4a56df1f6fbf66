"""What the page says, in both languages."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from datalayer.merges import Reason as MergeReason
from datalayer.passages import FileSort, Unit
from datalayer.search.query import Reason as ProblemReason
from datalayer.shares import Reason as ShareReason
from library import filing, texts
from library.bringing import AT_WORK
from library.bringing import State as ImportState
from library.changing import CHANGES
from library.file_changes import CHANGES as FILE_CHANGES
from library.texts import accepted, money, say

ROOT = Path(texts.__file__).parents[1]


def fields(template: Any) -> set[str]:
    forms = template.values() if isinstance(template, dict) else [template]
    return set(re.findall(r"{(\w+)}", " ".join(forms)))


def test_both_languages_have_the_same_sentences_with_the_same_gaps() -> None:
    english, french = texts._TEXTS["en"], texts._TEXTS["fr"]
    assert english.keys() == french.keys()
    assert {key: fields(english[key]) for key in english} == {key: fields(french[key]) for key in french}


def test_all_that_is_said_is_there_and_all_that_is_there_is_said() -> None:
    sources = [path.read_text("utf-8") for end in ("*.py", "*.html") for path in ROOT.rglob(end)]
    named = {name for source in sources for name in re.findall(r'"([a-z][\w-]*)"', source)}
    built = {f"problem_{reason}" for reason in get_args(ProblemReason)}
    built |= {f"merge_{reason}" for reason in get_args(MergeReason)}
    built |= {f"share_{reason}" for reason in get_args(ShareReason)}
    built |= {f"did_{what}" for what in {*CHANGES, "merge"}} | {f"do_{what}" for what in {*CHANGES, "merge"}}
    built |= {f"file_did_{what}" for what in FILE_CHANGES} | {f"file_do_{what}" for what in FILE_CHANGES}
    built |= {f"refused_{why}" for why in filing.SENTENCES} | {f"files_{sort}" for sort in get_args(FileSort)}
    built |= {f"file_{unit}s" for unit in get_args(Unit)}
    built |= {f"import_title_{state}" for state in get_args(ImportState)} | {f"import_{state}" for state in AT_WORK}
    built -= {"do_move"}  # a menu of its own
    assert built <= texts._TEXTS["en"].keys()
    starts = ("show_", "order_", "key_", "by_", "has_", "kind_", "usage_", "format_", "keep_", "place_", "size_")
    starts += ("api_in_", "scope_")
    assert {key for key in texts._TEXTS["en"] if key not in named | built and not key.startswith(starts)} == set()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("fr", "fr"),
        ("fr, en", "fr"),
        ("en, fr", "en"),
        ("fr-CA, en;q=0.9", "fr"),
        ("en, fr;q=0.9", "en"),
        ("de, fr;q=0.5", "fr"),
        ("de", "en"),
        ("fr;q=x", "en"),
        ("fr;q=0", "en"),
    ],
)
def test_the_language_that_a_browser_would_rather_read(header: str | None, language: str) -> None:
    assert accepted(header) == language


def test_numbers_and_money_as_each_language_writes_them() -> None:
    assert say("did_archive", "en", n=1) == "1 conversation is archived."
    assert say("did_archive", "fr", n=0) == "0 conversation est archivée."
    assert say("did_archive", "en", n=1234) == "1,234 conversations are archived."
    assert [money(2_500_000_000, "en"), money(1, "en"), money(0, "en"), money(0, "en", unpriced=1)] == [
        "$2.50",
        "< $0.01",
        "$0.00",
        "–",
    ]
    assert money(1_234_500_000_000, "fr", unpriced=2) == "≥ 1\u202f234,50\u00a0$"

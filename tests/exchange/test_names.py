"""Titles and names of files are chosen by people, and come from other systems: none makes a path, or a name that some
system does not take."""

import re
import unicodedata
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.names import Names, disposition, safe

HOSTILE = {
    "../../etc/passwd": "_.._etc_passwd",
    "/etc/passwd": "_etc_passwd",
    "..": "file",
    ".": "file",
    "": "file",
    "   ": "file",
    "a\x00b": "a b",
    "a\nb\r\x1b[31mc": "a b [31mc",
    "C:\\Windows\\System32": "C__Windows_System32",
    "con": "_con",
    "CON.txt": "_CON.txt",
    "nul .tar.gz": "_nul .tar.gz",
    "COM1": "_COM1",
    "lpt³.log": "_lpt³.log",
    "console": "console",
    "name. . .": "name",
    ".htaccess": "htaccess",
    "photo\u202egpj.exe": "photogpj.exe",
    "\u200b\u2066\ufeff": "file",
    "שלום עולם": "שלום עולם",
    "é".encode().decode() + "e\u0301": "éé",
    'a<b>:"|?*c': "a_b______c",
    "\ud800x": "x",
    "\ue000\U000e0041x": "x",
}


@pytest.mark.parametrize(("given", "name"), HOSTILE.items(), ids=map(ascii, HOSTILE))
def test_a_name_that_every_system_takes(given: str, name: str) -> None:
    assert safe(given, "file") == name


@pytest.mark.parametrize(
    "name", ["x" * 5_000 + ".tar.gz", "語" * 5_000 + ".pdf", "🦉" * 5_000 + ".png", "a" * 149 + "é.md"]
)
def test_a_long_name_keeps_its_ending_and_no_half_of_a_letter(name: str) -> None:
    found = safe(name, "file")
    assert len(found.encode()) <= 180
    assert "\ufffd" not in found
    assert found.endswith(name[-3:])


@given(st.text(max_size=300))
def test_any_name_is_one_part_of_a_path(name: str) -> None:
    found = safe(name, "file")
    assert found == found.strip(" ")
    assert not found.startswith(".")
    assert not found.endswith(".")
    assert not re.search(r'[/\\:*?"<>|\x00-\x1f]', found)
    assert not {unicodedata.category(c) for c in found} & {"Cc", "Cf", "Cs"}
    assert 0 < len(found.encode()) < 200
    assert safe(found, "file") == found


def test_names_of_one_folder_differ_for_every_file_system() -> None:
    names = Names()
    given = ["a.txt", "a.txt", "A.TXT", "a (2).txt", "é", "e\u0301", "É", "a.txt", "a (2).txt"]
    found = [names.add(name) for name in given]
    assert found[:3] == ["a.txt", "a (2).txt", "A (3).TXT"]
    assert len({unicodedata.normalize("NFKD", name).casefold() for name in found}) == len(given)


def test_ten_thousand_equal_names_cost_no_more_than_they_are() -> None:
    names = Names()
    found = [names.add("Untitled.md") for _ in range(10_000)]
    assert found[-1] == "Untitled (10000).md"
    assert len(set(found)) == 10_000


@pytest.mark.parametrize("name", ["Birds.md", "naïve “owls”.md", "a;b=c.md", "語.zip"])
def test_a_header_names_the_file_and_nothing_else(name: str) -> None:
    header = disposition(safe(name, "file"))
    assert header.isascii()
    assert "\n" not in header
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_filename() in (safe(name, "file"), header.split('"')[1])

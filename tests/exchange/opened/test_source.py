"""A ZIP or a folder that does no harm, whatever is in it, and of which the rest can still be read."""

import io
import os
import sqlite3
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from exchange.opened import Limits, opened
from exchange.opened.source import Opened

SMALL = Limits(members=20, member=3_000_000, total=7_000_000, ratio=50, ratio_from=100_000, nested=1_000_000)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return made.getvalue()


def content(source: Opened, member: str) -> bytes:
    with source.open(member) as file:
        return file.read()


def whys(source: Opened) -> dict[str, str]:
    return {str(problem.place): str(problem.why) for problem in source.problems}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.bin"


def test_a_zip_is_told_by_its_content(path: Path) -> None:
    path.write_bytes(zipped({"b/c.json": b"[1]", "a.txt": b"x", "b/": b""}))
    with opened(path) as source:
        assert list(source.members) == ["a.txt", "b/c.json"]
        assert (content(source, "a.txt"), source.start("b/c.json"), source.json("b/c.json")) == (b"x", b"[1]", [1])
        assert source.problems == []
        with pytest.raises(KeyError), source.open("c.json"):
            pass


def test_a_file_alone_is_its_own_member(path: Path) -> None:
    path.write_bytes(b"x" * 70_000)
    with opened(path) as source:
        assert (list(source.members), len(source.start("export.bin"))) == (["export.bin"], 65_536)
        assert source.json("export.bin") is None
        assert source.json("none") is None
        assert source.json("export.bin") is None
        assert list(whys(source)) == ["export.bin"]


def test_what_a_system_has_put_there_is_left_out(path: Path) -> None:
    path.write_bytes(zipped({"__MACOSX/._a.json": b"x", "b/._a.json": b"x", "b/.DS_Store": b"x", "b/a.json": b"1"}))
    with opened(path) as source:
        assert (list(source.members), source.problems) == (["b/a.json"], [])


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "C:/x",
        "C:\\x",
        "a\\..\\..\\x",
        "\\\\server\\x",
        "a/../../x",
        "a/..",
        "x\0.json",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(path: Path, name: str) -> None:
    made = zipped({"N" * len(name): b"x", "good.json": b"1"}).replace(b"N" * len(name), name.encode())
    path.write_bytes(made)
    with opened(path) as source:
        assert list(source.members) == ["good.json"]
        assert len(source.problems) == 1
        assert "left out" in str(source.problems[0].why)
        assert "\0" not in str(source.problems[0].place)


def test_windows_names_have_slashes(path: Path) -> None:
    path.write_bytes(zipped({"aXb.json": b"1"}).replace(b"aXb", b"a\\b"))
    with opened(path) as source:
        assert list(source.members) == ["a/b.json"]


def test_utf8_that_does_not_say_so_is_read_as_such(path: Path) -> None:
    path.write_bytes(zipped({"v_gel.json": b"1", "caf_.json": b"2"}).replace(b"v_gel", "vé".encode() + b"el"[:2]))
    with opened(path) as source:
        assert "véel.json" in source.members
        assert content(source, "véel.json") == b"1"


def test_of_two_of_one_name_the_last_one_counts(path: Path) -> None:
    path.write_bytes(zipped({"a.json": b"old", "b.json": b"new"}).replace(b"b.json", b"a.json"))
    with opened(path) as source:
        assert content(source, "a.json") == b"new"
        assert "two files of this name" in whys(source)["a.json"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        target.writestr(info, "/etc/passwd")
        target.writestr("a.json", "1")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "export.zip").write_bytes(made.getvalue())
    (folder / "away").symlink_to("/etc/passwd")
    (folder / "around").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    with opened(folder) as source:
        assert list(source.members) == ["export.zip/a.json"]
        assert set(whys(source)) == {"export.zip/link", "away", "pipe"}


def test_an_encrypted_file_is_told(path: Path) -> None:
    made = bytearray(zipped({"a.json": b"1", "b.json": b"2"}))
    made[made.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(made)
    with opened(path) as source:
        assert (list(source.members), whys(source)) == (["b.json"], {"a.json": "it is encrypted; it is left out"})


def test_a_way_of_packing_that_hides_its_size_is_refused(path: Path) -> None:
    path.write_bytes(zipped({"a.json": b"0" * 50_000_000}, zipfile.ZIP_BZIP2))
    with opened(path, SMALL) as source:
        assert list(source.members) == []
        assert "packed" in whys(source)["a.json"]


def test_what_unpacks_to_far_more_is_not_read_on(path: Path) -> None:
    path.write_bytes(zipped({"a.json": b" " * 2_000_000 + b"[1]", "b.json": b"[2]"}))
    with opened(path, SMALL) as source:
        assert "far more" in whys(source)["a.json"]
        assert [item.value for item in source.items("b.json")] == [2]  # type: ignore[union-attr]
        assert list(source.members) == ["b.json"]


def test_what_says_that_it_is_small_is_read_no_further_than_that(path: Path) -> None:
    made = bytearray(zipped({"a.json": b" " * 2_000_000 + b"[1]"}))
    at = made.index(b"PK\1\2") + 24
    made[at : at + 4] = (1_000).to_bytes(4, "little")
    path.write_bytes(made)
    with opened(path, SMALL) as source:
        assert [str(each.why) for each in source.items("a.json")][-1:] == [  # type: ignore[union-attr]
            "it is damaged, and cannot be read to its end"
        ]


def test_what_all_files_unpack_to_is_bounded(path: Path) -> None:
    path.write_bytes(zipped({f"{n}.bin": os.urandom(2_000_000) for n in range(5)}, zipfile.ZIP_STORED))
    with opened(path, SMALL) as source:
        for n in range(3):
            content(source, f"{n}.bin")
        with pytest.raises(OSError, match="more than may be read"):
            content(source, "3.bin")


def test_a_size_that_is_a_lie_changes_nothing(path: Path) -> None:
    """The ZIP says 10 bytes, and 1 MB comes."""
    made = zipped({"a.json": b"0" * 1_000_000, "b.json": b"[2]"})
    at = made.index(b"PK\1\2")
    path.write_bytes(made[: at + 24] + struct.pack("<I", 10) + made[at + 28 :])
    with opened(path, SMALL) as source:
        with pytest.raises(OSError, match="damaged"):
            content(source, "a.json")
        assert content(source, "b.json") == b"[2]"


def test_files_that_share_their_content_are_left_out(path: Path) -> None:
    """One kernel, named a hundred times in the table of contents."""
    made = zipped({"a": b"0" * 1_000, "b": b"1"})
    at, end = made.index(b"PK\1\2"), made.index(b"PK\5\6")
    first, others = made[at : made.index(b"PK\1\2", at + 1)], made[made.index(b"PK\1\2", at + 1) : end]
    table = b"".join(first[:46] + bytes([name]) for name in b"acdefg") + others
    tail = made[end : end + 8] + struct.pack("<HHII", 7, 7, len(table), at) + made[end + 20 :]
    path.write_bytes(made[:at] + table + tail)
    with opened(path) as source:
        assert list(source.members) == ["b"]
        assert "6 of its files share their content" in whys(source)["export.bin"]


def test_a_damaged_file_is_told_and_the_others_come(path: Path) -> None:
    made = bytearray(zipped({"a.json": b"[1, 22]", "b.json": b"[2]"}, zipfile.ZIP_STORED))
    made[made.index(b"22")] = ord("3")
    path.write_bytes(made)
    with opened(path) as source:
        first, second, third = source.items("a.json")
        assert (first.value, second.value) == (1, 32)  # type: ignore[union-attr]
        assert "damaged" in str(third.why)  # type: ignore[union-attr]
        assert [item.value for item in source.items("b.json")] == [2]  # type: ignore[union-attr]


@pytest.mark.parametrize("damage", ["cut", "start", "table", "name"])
def test_a_zip_that_cannot_be_opened_is_told(path: Path, damage: str) -> None:
    made = zipped({"vö.json": b"[1]"})
    at = made.index(b"PK\1\2")
    path.write_bytes(
        {
            "cut": made[:-30],
            "start": made[:20],
            "table": made[:at] + b"XX" + made[at + 2 :],
            "name": made[:at] + made[at:].replace("ö".encode(), b"\xff\xff"),
        }[damage]
    )
    with opened(path) as source:
        assert list(source.members) == []
        assert "export.bin" in whys(source)


def test_a_table_of_contents_without_end_is_not_read(path: Path) -> None:
    path.write_bytes(zipped({f"{n}.txt": b"" for n in range(500)}))
    with opened(path, Limits(directory=10_000)) as source:
        assert list(source.members) == []
        assert "more files" in whys(source)["export.bin"]
    with opened(path, SMALL) as source:
        assert len(source.members) == 20
        assert "more than 20 files" in whys(source)["export.bin"]


def test_zips_in_a_zip_are_looked_through_to_a_depth(path: Path) -> None:
    made = zipped({"deepest.json": b"[4]"})
    for depth in (3, 2, 1):
        made = zipped({f"in{depth}.zip": made, f"{depth}.json": b"[%d]" % depth})
    path.write_bytes(made)
    with opened(path) as source:
        assert list(source.members) == ["1.json", "in1.zip/2.json", "in1.zip/in2.zip/3.json"]
        assert source.json("in1.zip/in2.zip/3.json") == [3]
        assert list(whys(source)) == ["in1.zip/in2.zip/in3.zip"]
        kept = source._temporary()
        assert len(list(kept.iterdir())) == 2
    assert not kept.exists()


def test_a_zip_in_a_zip_takes_no_more_of_the_disk_than_it_may(path: Path) -> None:
    path.write_bytes(zipped({"in.zip": os.urandom(1_500_000), "a.json": b"1", "bad.zip": b"PK\3\4no"}))
    with opened(path, SMALL) as source:
        assert list(source.members) == ["a.json"]
        assert set(whys(source)) == {"in.zip", "bad.zip"}
        assert sum(each.stat().st_size for each in source._temporary().iterdir()) < 100


def test_a_zip_in_a_folder_is_looked_through(tmp_path: Path) -> None:
    (tmp_path / "one.zip").write_bytes(zipped({"conversations.json": b"[1]"}))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "conversations.json").write_bytes(b"[2]")
    with opened(tmp_path) as source:
        assert list(source.members) == ["one.zip/conversations.json", "sub/conversations.json"]
        assert [source.json(member) for member in source.members] == [[1], [2]]


def test_what_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), opened(tmp_path / "none"):
        pass


def rows(path: Path | None) -> list[int]:
    assert path is not None
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = [row[0] for row in database.execute("SELECT n FROM t ORDER BY n")]
    database.close()
    return found


def database(path: Path, wal: bool) -> sqlite3.Connection:
    made = sqlite3.connect(path, isolation_level=None)
    made.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    made.execute("CREATE TABLE t (n)")
    made.execute("INSERT INTO t VALUES (1)")
    return made


def test_a_database_with_what_its_log_has(tmp_path: Path) -> None:
    """While its app has it open, and after it has closed it, in a folder that nobody can write to."""
    folder = tmp_path / "app"
    folder.mkdir()
    made = database(folder / "logs.db", wal=True)
    made.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.execute("INSERT INTO t VALUES (2)")
    before = sorted(folder.iterdir())
    with opened(folder / "logs.db") as source:
        assert rows(source.database()) == [1, 2]
    with opened(folder) as source:
        assert rows(source.database()) == [1, 2]
    assert sorted(folder.iterdir()) == before
    made.close()
    folder.chmod(0o500)
    with opened(folder / "logs.db") as source:
        assert rows(source.database()) == [1, 2]
    folder.chmod(0o700)


def test_a_database_that_needs_no_copy_is_read_where_it_lies(path: Path) -> None:
    database(path, wal=False).close()
    with opened(path) as source:
        assert source.database() == path


def test_a_database_in_a_zip(path: Path, tmp_path: Path) -> None:
    made = database(tmp_path / "a", wal=True)
    made.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.execute("INSERT INTO t VALUES (2)")
    content, log = (tmp_path / "a").read_bytes(), (tmp_path / "a-wal").read_bytes()
    made.close()
    path.write_bytes(zipped({"x/app.db": content, "x/app.db-wal": log, "small.db": b"no", "a.json": b"1"}))
    with opened(path) as source:
        found = source.database()
        assert rows(found) == [1, 2]
        assert source.database() == found
    assert found is not None
    assert not found.exists()


def test_what_is_no_database_is_none(path: Path) -> None:
    path.write_bytes(b"SQLite format 2" + b"\0" * 100)
    with opened(path) as source:
        assert source.database() is None
    path.write_bytes(b"SQLite format 3\0" + zlib.compress(b"no"))
    with opened(path) as source:
        assert source.database() == path


def test_two_files_are_read_at_once(path: Path) -> None:
    path.write_bytes(zipped({"a.json": b"[1, 2]", "b.json": b"[3, 4]"}))
    with opened(path) as source:
        both = zip(source.items("a.json"), source.items("b.json"), strict=True)
        assert [(a.value, b.value) for a, b in both] == [(1, 3), (2, 4)]  # type: ignore[union-attr]

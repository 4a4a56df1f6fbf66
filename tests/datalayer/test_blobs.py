"""I10: the contract of a store of files, on a folder and on S3."""

import hashlib
import io
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from datalayer.blobs import CHUNK, Blobs, LocalBlobs, at
from datalayer.blobs.s3 import PART, S3Blobs
from datalayer.errors import InvalidInput, StoreUnavailable
from datalayer.records import Blob
from tests.processes import start
from tests.servers.s3 import S3Server

Make = Callable[[], Blobs]
SIZES = [0, 1, CHUNK, PART - 1, PART, PART + 1, 2 * PART + 12_345]


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def measures(content: bytes) -> tuple[str, int]:
    return hashlib.sha256(content).hexdigest(), len(content)


def measured(blob: Blob) -> tuple[str, int]:
    return blob.sha256, blob.size


def content_of(blobs: Blobs, name: str) -> bytes:
    with blobs.open(name) as stream:
        return stream.read()


@pytest.fixture(params=["local", "s3"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Opens the one store of the test, as each process of an app does."""
    files = tmp_path / "files" if request.param == "local" else request.getfixturevalue("s3_url")
    return lambda: at(files)


@pytest.fixture
def blobs(make: Make) -> Blobs:
    return make()


class TestContract:
    @pytest.mark.parametrize("size", SIZES)
    def test_content_comes_back_equal_under_a_name_that_begins_with_its_hash(self, blobs: Blobs, size: int) -> None:
        content = some(size)
        blob = blobs.put(content)
        assert measured(blob) == measures(content)
        assert blob.name.startswith(blob.sha256 + "-")
        assert (blobs.size(blob.name), content_of(blobs, blob.name)) == (size, content)

    def test_a_file_by_its_path_and_one_that_is_open_are_stored_from_their_beginning(
        self, blobs: Blobs, tmp_path: Path
    ) -> None:
        (tmp_path / "source").write_bytes(some(99_999))
        assert measured(blobs.put(tmp_path / "source")) == measures(some(99_999))
        file = io.BytesIO(some(88_888))
        file.seek(500)
        blob = blobs.put(file)
        assert measured(blob) == measures(some(88_888))
        assert content_of(blobs, blob.name) == some(88_888)

    def test_one_store_is_copied_to_another_by_names_and_streams(self, blobs: Blobs, tmp_path: Path) -> None:
        other = LocalBlobs(tmp_path / "other")
        kept = {blobs.put(some(size)).name for size in (0, 10, CHUNK + 1)}
        for one, another in ((blobs, other), (other, blobs), (blobs, other)):
            for name in list(one.names()):
                with one.open(name) as stream:
                    assert another.put(stream, name).name == name
        assert set(other.names()) == set(blobs.names()) == kept

    def test_it_is_copied_within_itself(self, blobs: Blobs) -> None:
        for size in (10, PART + 1):
            name = blobs.put(some(size)).name
            with blobs.open(name) as stream:
                again = blobs.put(stream)
            assert (again.sha256, again.name == name) == (name[:64], False)
            assert content_of(blobs, again.name) == some(size)

    def test_a_name_that_was_given_before_there_were_tags_is_one(self, blobs: Blobs) -> None:
        sha256, _ = measures(b"old")
        assert blobs.put(b"old", sha256).name == sha256
        assert (content_of(blobs, sha256), list(blobs.names())) == (b"old", [sha256])

    def test_what_has_another_name_than_its_content_is_refused(self, blobs: Blobs) -> None:
        name = blobs.put(b"one").name
        with pytest.raises(InvalidInput):
            blobs.put(b"other", name)
        assert (content_of(blobs, name), list(blobs.names())) == (b"one", [name])

    def test_it_is_read_from_any_place(self, blobs: Blobs) -> None:
        content = some(3 * CHUNK)
        with blobs.open(blobs.put(content).name) as stream:
            for start, size in ((0, 1), (CHUNK - 1, 2), (5, 2 * CHUNK), (3 * CHUNK - 1, 100), (3 * CHUNK, 5), (7, 0)):
                assert stream.seek(start) == start
                assert stream.read(size) == content[start : start + size]
                assert stream.tell() == min(start + size, len(content))
            assert stream.seek(-9, os.SEEK_END) == len(content) - 9
            assert stream.read() == content[-9:]

    def test_what_is_absent_has_no_size_and_cannot_be_opened_but_be_removed(self, blobs: Blobs) -> None:
        absent = f"{measures(b'absent')[0]}-{'0' * 16}"
        assert (blobs.size(absent), list(blobs.names())) == (None, [])
        blobs.remove(absent)
        with pytest.raises(FileNotFoundError):
            blobs.open(absent)

    def test_what_is_removed_is_gone_and_equal_content_stored_before_and_after_is_not(self, make: Make) -> None:
        before, gone, after = (make().put(b"equal").name for _ in range(3))
        make().remove(gone)
        make().remove(gone)
        assert set(make().names()) == {before, after}
        assert (make().size(gone), make().size(before), make().size(after)) == (None, 5, 5)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "../" * 20,
            "g" * 64,
            "A" * 64,
            "0" * 63,
            "0" * 64 + "\n",
            "0" * 64 + "-",
            "0" * 64 + "-" + "../" * 5 + "x",
        ],
    )
    def test_only_a_hash_and_its_tag_are_a_name(self, blobs: Blobs, name: str) -> None:
        for call in (blobs.open, blobs.size, blobs.remove, lambda given: blobs.put(b"", given)):
            with pytest.raises(InvalidInput):
                call(name)
        assert list(blobs.names()) == []

    def test_what_others_have_left_beside_it_is_no_blob(self, make: Make, tmp_path: Path, request: Any) -> None:
        blob = make().put(b"ours")
        if request.node.callspec.params["make"] == "local":
            (tmp_path / "files/ab/cd").mkdir(parents=True)
            (tmp_path / "files/ab/cd/notes.txt").write_text("theirs")
        else:
            server, (_, bucket, prefix) = request.getfixturevalue("s3_server"), _parts(request)
            for key in (f"{prefix}/notes.txt", f"{prefix}/deeper/{'0' * 64}", "0" * 64):
                server.client().put_object(Bucket=bucket, Key=key, Body=b"theirs")
        assert list(make().names()) == [blob.name]

    def test_equal_and_other_content_put_at_once_is_whole_each_time(self, make: Make) -> None:
        contents = [some(size) for size in (10, 20, CHUNK, PART + 7)] * 3
        with ThreadPoolExecutor(6) as pool:
            stored = list(pool.map(lambda each: make().put(each), contents))
        assert list(map(measured, stored)) == list(map(measures, contents))
        assert set(make().names()) == {blob.name for blob in stored}
        assert [content_of(make(), blob.name) for blob in stored] == contents

    def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(self, blobs: Blobs) -> None:
        with pytest.raises(OSError, match="no more"):
            blobs.put(_Torn(some(2 * PART)))
        assert list(blobs.names()) == []

    def test_many_are_named(self, blobs: Blobs) -> None:
        with ThreadPoolExecutor(4) as pool:
            kept = set(pool.map(lambda n: blobs.put(b"%d" % n).name, range(50)))
        assert set(blobs.names()) == kept


class _Torn(io.BytesIO):
    """A disk that fails in the middle of the second half."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > PART:
            raise OSError("no more")
        return super().read(size)


def _parts(request: Any) -> list[str]:
    return str(request.getfixturevalue("s3_url")).replace("://", "/").split("/", 2)


class TestS3:
    def test_a_file_that_changes_while_it_is_stored_leaves_nothing(self, s3_url: str, tmp_path: Path) -> None:
        for size in (100, 2 * PART):
            with pytest.raises(OSError, match="changed"):
                at(s3_url).put(_Changing(some(size)))
        assert list(at(s3_url).names()) == []

    def test_a_large_file_comes_and_goes_in_little_memory(self, s3_url: str, tmp_path: Path) -> None:
        with (tmp_path / "large").open("wb") as file:
            file.truncate(30 << 20)
        with start(_PUT_AND_READ, s3_url, str(tmp_path / "large"), cwd=tmp_path) as child:
            assert child.stdout is not None
            size, used = map(int, child.stdout.read().split())
        assert size == 30 << 20
        assert used < 25 << 20

    def test_broken_off_uploads_leave_no_parts_behind(self, s3_url: str, s3_server: S3Server, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="changed"):
            at(s3_url).put(_Changing(some(3 * PART)))
        bucket = s3_url.split("/")[2]
        assert "Uploads" not in s3_server.client().list_multipart_uploads(Bucket=bucket)

    def test_a_bucket_that_is_not_there_is_told_by_every_call(self, s3_url: str, caplog: Any) -> None:
        wrong = at("s3://no-such-bucket/x")
        self._fails(wrong, "does not exist")
        assert "no-such-bucket" in caplog.text
        assert "NoSuchBucket" in caplog.text

    def test_a_key_that_is_refused_is_told_and_no_secret_is(
        self, s3_url: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, caplog: Any
    ) -> None:
        at(s3_url).put(b"kept")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
        self._fails(at(s3_url), "refuses the key")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")
        self._fails(at(s3_url), "refuses the key")
        assert "a-wrong-secret" not in caplog.text
        assert s3_server.key[1] not in caplog.text

    def test_a_key_that_may_only_read_reads_and_is_refused_the_rest(
        self, s3_url: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blob = at(s3_url).put(b"kept")
        reads = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
        key, secret = s3_server.new_key(reads)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        reader = at(s3_url)
        assert (content_of(reader, blob.name), list(reader.names())) == (b"kept", [blob.name])
        for call in (lambda: reader.put(b"new"), lambda: reader.remove(blob.name)):
            with pytest.raises(StoreUnavailable, match="refuses the key"):
                call()

    def _fails(self, blobs: Blobs, why: str) -> None:
        name = measures(b"kept")[0]
        calls: list[Callable[[], Any]] = [
            lambda: blobs.put(b"new"),
            lambda: blobs.open(name),
            lambda: blobs.size(name),
            lambda: blobs.remove(name),
            lambda: list(blobs.names()),
        ]
        for call in calls:
            with pytest.raises(StoreUnavailable, match=why):
                call()

    @pytest.mark.parametrize(
        "url",
        [
            "s3://",
            "s3://UPPER/x",
            "s3:///x",
            "s3://b",
            "s3://bucket/a b",
            "s3://bucket?x=1",
            "s3://key:secret@bucket/x",
            "s3://bucket/a//b",
            "s3://bucket/a/../b",
            "s3://bucket/./a",
            "s3://bucket/..",
        ],
    )
    def test_what_is_no_address_of_a_bucket_is_refused_without_saying_it_again(self, url: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            at(url)
        assert "secret" not in str(refusal.value)

    @pytest.mark.parametrize("url", ["gs://bucket/x", "http://host/bucket", "file:///srv/files"])
    def test_another_kind_of_address_is_no_folder(self, url: str) -> None:
        with pytest.raises(InvalidInput, match="s3://bucket"):
            at(url)

    @pytest.mark.parametrize("endpoint", ["nonsense", "ftp://host", "http://", "http://key:secret@host"])
    def test_an_endpoint_that_is_no_address_is_refused(self, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(InvalidInput, match="AWS_ENDPOINT_URL") as refusal:
            at("s3://bucket/x")
        assert "secret" not in str(refusal.value)

    def test_the_bucket_itself_may_hold_the_files(self, s3_url: str) -> None:
        bucket = "/".join(s3_url.split("/")[:3])
        assert {at(url).put(b"x").name for url in (bucket, bucket + "/")} == set(at(bucket).names())


class _Changing(io.BytesIO):
    """Something else each time that it is read from its beginning."""

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset == 0 and len(self.getvalue()) and self.tell():
            super().seek(0)
            self.write(bytes([self.getvalue()[0] ^ 1]))
        return super().seek(offset, whence)


class TestTrouble:
    """The server is killed, or frozen: calls end by themselves, and all is well when it is back."""

    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
        server = S3Server()
        try:
            server.start()
            for name, value in server.environment().items():
                monkeypatch.setenv(name, value)
            yield server
        finally:
            server.kill()

    def test_a_server_that_is_killed_in_the_middle_of_an_upload_has_nothing_of_it(self, server: S3Server) -> None:
        url, dies = f"s3://{server.new_bucket()}/x", _Signalling(some(4 * PART), server.kill)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            S3Blobs(url, request_timeout=2, retries=1).put(dies)
        server.start()
        with pytest.MonkeyPatch.context() as environment:
            for name, value in server.environment().items():
                environment.setenv(name, value)
            again = at(f"s3://{server.new_bucket()}/x")
            assert list(again.names()) == []
            assert content_of(again, again.put(dies).name) == dies.getvalue()

    def test_a_server_that_is_frozen_ends_each_call_in_its_time_and_is_used_again(self, server: S3Server) -> None:
        blobs = S3Blobs(f"s3://{server.new_bucket()}/x", request_timeout=0.5, retries=1)
        blob, other = blobs.put(some(CHUNK)), blobs.put(b"other")
        with blobs.open(blob.name) as stream:
            server.send(signal.SIGSTOP)
            calls: list[Callable[[], Any]] = [
                lambda: blobs.put(b"new"),
                lambda: blobs.size(blob.name),
                lambda: blobs.remove(other.name),  # which may still come to pass: nothing takes back what was sent
                lambda: list(blobs.names()),
                lambda: stream.read(),
            ]
            with ThreadPoolExecutor(len(calls)) as pool:
                errors = [future.exception() for future in [pool.submit(call) for call in calls]]
            assert [type(error) for error in errors] == [StoreUnavailable] * len(calls)
            server.send(signal.SIGCONT)
            stream.seek(0)
            assert stream.read() == some(CHUNK)


class _Signalling(io.BytesIO):
    """Calls ``then`` in the middle of being read for the second time."""

    def __init__(self, content: bytes, then: Callable[[], None]) -> None:
        super().__init__(content)
        self._then, self._left = threading.Event(), 2
        self._call = then

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() == 0:
            self._left -= 1
        if self._left == 0 and self.tell() > 2 * PART and not self._then.is_set():
            self._then.set()
            self._call()
        return super().read(size)


# Stores a large file and reads it again; prints its size, and by how much the process has grown at most.
_PUT_AND_READ = """
import re, sys
from pathlib import Path
from datalayer.blobs import CHUNK, at
def used():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
blobs = at(sys.argv[1])
list(blobs.names())
before, size = used(), 0
with blobs.open(blobs.put(Path(sys.argv[2])).name) as stream:
    while chunk := stream.read(CHUNK):
        size += len(chunk)
print(size, used() - before)
"""

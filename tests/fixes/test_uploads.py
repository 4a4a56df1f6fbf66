import tomllib
from io import BytesIO
from typing import Any

import pytest
from chainlit import server
from chainlit.config import SpontaneousFileUploadFeature, config
from starlette.datastructures import Headers, UploadFile

from assistant.fixes import uploads
from tests.fixes.conftest import given
from tests.processes import ROOT

validate = uploads._by_content(server.validate_file_upload)

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


async def test_a_file_without_a_type_is_refused_and_no_error_of_the_server(people: Any) -> None:
    ann = await (await people("ann")).connect()
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
    answer = await ann.request(
        "POST",
        "/project/file",
        params={"session_id": ann.session_id},
        content=part,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 400


async def test_an_empty_file_is_refused_and_no_error_of_the_server(people: Any) -> None:
    ann = await (await people("ann")).connect()
    assert (await ann.upload("a.txt", b"")).status_code == 400


async def test_text_is_told_by_its_name_and_content(people: Any) -> None:
    """Browsers call TypeScript a film."""
    ann = await (await people("ann")).connect()
    key = await ann.attach("a.ts", b"let a = 1;", "video/mp2t")
    kept = await ann.request("GET", f"/project/file/{key}", params={"session_id": ann.session_id})
    given(kept.content == b"let a = 1;")
    assert kept.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("name", "said", "content", "kind"),
    [
        ("lease.docx", "text/plain", b"PK\x03\x04\0\0", WORD),
        ("lease.docx", WORD, b"PK\x03\x04\0\0", WORD),
        ("LEASE.PDF", "text/plain", b"%PDF-1.4 all of it in letters", "application/pdf"),
        ("lease.pdf", "application/octet-stream", b"%PDF-1.4", "application/pdf"),
        ("table.csv", "application/vnd.ms-excel", b"a;b", "text/csv"),
        ("nul.txt", "text/plain", b"some text\0\0 and more", "text/plain"),
        ("a.py", "text/x-python", bytes(range(256)) * 4, "text/plain"),
        ("film.ts", "video/mp2t", bytes(range(256)) * 4, "video/mp2t"),
    ],
)
def test_the_name_and_the_content_tell_the_type(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str, content: bytes, kind: str
) -> None:
    """Text that cannot be read stays attached; the conversation says so."""
    accept = tomllib.loads((ROOT / ".chainlit/config.toml").read_text())["features"]["spontaneous_file_upload"]
    monkeypatch.setattr(config.features, "spontaneous_file_upload", SpontaneousFileUploadFeature(**accept))
    file = UploadFile(BytesIO(content), size=len(content), filename=name, headers=Headers({"content-type": said}))
    validate(file)
    assert file.content_type == kind


def test_what_no_ending_speaks_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="not allowed"):
        test_the_name_and_the_content_tell_the_type(monkeypatch, "a.exe", "application/x-msdownload", b"MZ\0", "")


async def test_a_name_is_kept_without_marks_that_turn_its_letters_round(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("Look", [await ann.attach("photo\u202egpj.txt", b"text", "text/plain")])
    element = await ann.wait_for("element")
    assert element["name"] == "photogpj.txt"

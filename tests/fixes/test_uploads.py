from typing import Any

from tests.fixes.conftest import given


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


async def test_what_is_called_text_and_is_none_is_refused(people: Any) -> None:
    ann = await (await people("ann")).connect()
    assert (await ann.upload("a.py", bytes(range(256)) * 4, "text/x-python")).status_code == 400


async def test_a_name_is_kept_without_marks_that_turn_its_letters_round(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("Look", [await ann.attach("photo\u202egpj.txt", b"text", "text/plain")])
    element = await ann.wait_for("element")
    assert element["name"] == "photogpj.txt"

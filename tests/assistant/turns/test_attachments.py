"""What a model is given of the files of a conversation."""

from functools import partial
from pathlib import Path

from assistant.models import ChatMessage
from assistant.models.parts import parts
from assistant.turns.attachments import _open, _read


def test_text_reaches_the_model_decoded_whatever_its_type_and_what_is_none_is_named_only(tmp_path: Path) -> None:
    contents = {
        "prices.csv": ("application/vnd.ms-excel", "café;3 €\n".encode("cp1252")),
        "notes.md": ("application/octet-stream", "Été".encode("utf-16")),
        "app.ts": ("video/mp2t", b"const a = 1"),
        "program.txt": ("text/plain", bytes(range(256))),
        "photo.png": ("image/png", b"picture"),
    }
    for name, (_, content) in contents.items():
        (tmp_path / name).write_bytes(content)
    files = [("q", name, mime, partial(_open, tmp_path / name)) for name, (mime, _) in contents.items()]
    [message] = _read(files, {"q": ChatMessage("user", "What do they say?")})
    assert [(file.name, file.mime) for file in message.files][-2:] == [("program.txt", ""), ("photo.png", "image/png")]
    said = [part for part in parts(message) if isinstance(part, str)]
    assert said == ["[prices.csv]\ncafé;3 €\n", "[notes.md]\nÉté", "[app.ts]\nconst a = 1", "What do they say?"]

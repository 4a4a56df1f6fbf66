from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from assistant.retrieval.extract import Reader
from datalayer.passages import FileText

Read = Callable[..., Awaitable[FileText]]


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    made = Reader()
    yield made
    await made.close()


@pytest.fixture
def read(reader: Reader, tmp_path: Path) -> Read:
    async def read(content: bytes | str, name: str, mime: str | None = None) -> FileText:
        path = tmp_path / "content"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return await reader.read(path, name, mime)

    return read

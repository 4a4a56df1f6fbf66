"""The route that serves elements, with their content in a bucket: all that holds of a folder holds there."""

from typing import Any

import pytest

from datalayer import DataLayer
from datalayer.blobs import CHUNK
from tests.conftest import OpenLayer
from tests.datalayer.chainlit.test_routes import Browser, TestHttp, TestWho, ann, browser, login, upload

__all__ = ["TestHttp", "TestWho", "ann", "browser", "login"]


@pytest.fixture
async def layer(open_layer: OpenLayer, s3_url: str) -> DataLayer:
    return open_layer(files=s3_url)


async def test_a_large_file_is_sent_whole_and_from_any_place(layer: DataLayer, ann: Any, browser: Browser) -> None:
    content = bytes(range(251)) * (3 * CHUNK // 251 + 1)
    url, client = await upload(layer, ann, content), browser("ann")
    assert (await client.get(url)).content == content
    start = 2 * CHUNK - 10
    part = await client.get(url, headers={"Range": f"bytes={start}-{start + CHUNK}", "Accept-Encoding": "identity"})
    assert (part.status_code, part.content) == (206, content[start : start + CHUNK + 1])
    assert part.headers["content-range"] == f"bytes {start}-{start + CHUNK}/{len(content)}"

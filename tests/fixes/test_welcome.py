from typing import Any

import pytest

from tests.fixes.conftest import given


@pytest.mark.parametrize("tag", ["fr", "fr-CA"])
async def test_the_welcome_page_is_in_the_language_of_the_browser(people: Any, tag: str) -> None:
    ann = await people("ann")
    given((await _welcome(ann, "fr-FR")) == "Bienvenue")
    assert await _welcome(ann, tag) == "Bienvenue"


async def _welcome(client: Any, tag: str) -> str:
    answer = await client.request("GET", "/project/settings", params={"language": tag})
    return str(answer.json()["markdown"])

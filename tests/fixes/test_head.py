from typing import Any

import pytest


@pytest.mark.parametrize("link", ['rel="manifest"', 'rel="modulepreload" href="/public/page/one.js"'])
async def test_the_page_says_what_a_phone_and_a_browser_look_for(people: Any, link: str) -> None:
    ann = await people("ann")
    assert (await ann.request("GET", "/")).text.count(link) == 1

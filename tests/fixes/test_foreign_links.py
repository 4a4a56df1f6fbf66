import re
from typing import Any


async def test_the_page_asks_nobody_else_for_anything(people: Any) -> None:
    ann = await people("ann")
    page = (await ann.request("GET", "/")).text
    assert re.findall(r'<link\b[^>]*\bhref="(https?://[^"]*)', page) == []

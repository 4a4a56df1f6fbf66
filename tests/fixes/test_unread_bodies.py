"""Of ``datalayer/door/requests.py``: Chainlit reads what anybody sends before it asks who that is (FastAPI takes the
body apart before ``get_current_user`` refuses)."""

import httpx

from tests.processes import Server


async def test_who_has_not_signed_in_is_told_so_before_anything_is_read(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url) as nobody:
        answer = await nobody.post("/project/threads", content=b"no JSON", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401

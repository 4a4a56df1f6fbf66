import uuid
from typing import Any


async def test_a_button_of_a_session_that_is_gone_is_answered_with_a_sentence(people: Any) -> None:
    ann = await people("ann")
    answer = await ann.action("any", session_id=str(uuid.uuid4()))
    assert answer.status_code == 404

"""Of ``datalayer/chainlit/votes.py``."""

import uuid
from typing import Any


async def test_a_vote_that_cannot_be_stored_is_answered_with_its_own_status(people: Any) -> None:
    ann = await people("ann")
    answer = await ann.vote(str(uuid.uuid4()))
    assert answer.status_code == 404

"""Who asks for a change: a user, by identifier, or a role."""

from enum import Enum
from typing import Final

from .records import user_id


class Role(Enum):
    """Who acts without being a user.

    ``APPLICATION``: the app itself (jobs, imports, channels of other chats): trusted, may change anybody's rows.
    ``VISITOR``: somebody where nobody logs in: changes only what has no author.
    """

    APPLICATION = "application"
    VISITOR = "visitor"


Actor = str | Role
APPLICATION: Final = Role.APPLICATION
VISITOR: Final = Role.VISITOR


def author_id(actor: Actor) -> str | None:
    """The id of the user who acts; None: a role, which is no author."""
    return user_id(actor) if isinstance(actor, str) else None

"""What is known of the screen that an event came from."""

import chainlit as cl

from ..texts import Language, language


def session_language() -> Language:
    """The language of the browser whose event is being handled."""
    return language(getattr(cl.context.session, "language", None))

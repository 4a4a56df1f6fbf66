"""Read-only links to conversations: made, listed and revoked by their authors, and what they lead to.

Always true: a link shows what was said, and nothing else but what its author has chosen; what is wrong with a link that
leads nowhere, nobody is told.
"""

from .routes import routes

__all__ = ["routes"]

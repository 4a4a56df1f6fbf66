"""The REST API at ``/api/v1``: what the library page does, for programs. docs/api.md.

Always true: nothing is read or changed but of the person whose token, or session, comes along; what cannot be done is
told as a problem (RFC 9457) in the caller's language.
"""

from .application import PREFIX, application

__all__ = ["PREFIX", "application"]

"""How often somebody may try: links that lead nowhere, passwords, copies. Instances with a Redis count together."""

from starlette.requests import Request

from datalayer.door import Buckets, shared

from ..asking import network

_MISSES, _PASSWORDS, _PASSWORDS_OF_ALL, _COPIES = 0.2, 1 / 60, 1 / 10, 1 / 30
"""A second, after a burst of those of ten minutes."""


class Bounds:
    """Each method: whether it may be tried now."""

    def __init__(self) -> None:
        self._misses, self._passwords, self._copies = Buckets(600), Buckets(600), Buckets(600)
        shared().update(share_misses=self._misses, share_passwords=self._passwords, share_copies=self._copies)

    def may_look(self, request: Request) -> bool:
        """Asked before it is known whether the link leads anywhere, so that this does not tell."""
        return not self._misses.of(network(request), _MISSES).empty

    def missed(self, request: Request) -> None:
        self._misses.of(network(request), _MISSES).try_take()

    def may_try_password(self, request: Request, share_id: str) -> bool:
        """Of one address few, of all together more: who tries too often does not lock out everybody else."""
        own = self._passwords.of(f"{share_id} {network(request)}", _PASSWORDS)
        return own.try_take() and self._passwords.of(share_id, _PASSWORDS_OF_ALL).try_take()

    def may_copy(self, user_id: str) -> bool:
        return self._copies.of(user_id, _COPIES).try_take()

"""How functions of Chainlit's are replaced, so that they can be put back.

`chainlit run -w` executes the app again in the same process: what is replaced then must be Chainlit's own.
"""

from collections.abc import Callable
from typing import Any

from chainlit import server

_PLAIN: list[tuple[Any, str, Any]] = vars(server).setdefault("_threadkeep_plain", [])


def patch(owner: Any, name: str, better: Callable[[Any], Any]) -> None:
    """``owner.name`` becomes ``better`` of what it was."""
    plain = getattr(owner, name)
    _PLAIN.append((owner, name, plain))
    setattr(owner, name, better(plain))


def restore() -> None:
    while _PLAIN:
        setattr(*_PLAIN.pop())

"""One odd conversation never stops the rest, whatever is odd about it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .base import Item, Problem, Read
from .places import Place
from .reasons import Why


def each(items: Iterable[Item | Problem], convert: Callable[[Item], Iterable[Read]]) -> Iterator[Read]:
    """What ``convert`` makes of each; of one at which it fails, a ``Problem``."""
    for item in items:
        if isinstance(item, Problem):
            yield item
        else:
            yield from guarded(item.place, convert, item)


def guarded(place: Place, convert: Callable[..., Iterable[Read]], *given: Any) -> Iterator[Read]:
    """What ``convert`` gives; where it fails, a ``Problem`` at ``place``."""
    try:
        yield from convert(*given)
    except GeneratorExit:
        raise
    except Exception as error:
        yield Problem(place, Why("odd_shape", error=type(error).__name__))

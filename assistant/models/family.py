"""What is to be known of a maker of models besides how to ask them: a folder each, and a line in ``families.py``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import ChatModel, ModelInfo, Takes
from .pricing import PriceList

if TYPE_CHECKING:
    from ..config import Config


@dataclass(frozen=True, slots=True)
class Family:
    """``name``: that of the provider. ``make``: its models as they are configured, None: they are not.

    ``own``: the beginning of names that nobody else has; ``shared``: of names that it has, and others may have.
    ``known``: what is offered while it cannot be asked, the best default first. ``takes``: what a model that it does
    not list reads besides text. ``windows``: tokens, by the beginning of a name, for models that do not tell theirs.
    """

    name: str
    make: "Callable[[Config], ChatModel | None]"
    own: re.Pattern[str]
    shared: re.Pattern[str] | None
    known: tuple[ModelInfo, ...]
    takes: Takes
    windows: Mapping[str, int]
    prices: PriceList

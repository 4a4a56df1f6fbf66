"""What a call of a model costs: the makers' list prices, as they were on one day.

Always true: a model that no list knows has no price, rather than that of a model with a similar name.
"""

from ..models.base import Usage
from ..models.families import FAMILIES
from .records import Cost

_LISTS = [family.prices for family in FAMILIES]

VERSION = min(each.date for each in _LISTS)
"""The day on which all prices were these, or newer ones."""


def cost(model: str, provider: str, usage: Usage) -> Cost | None:
    """What the call costs; None where no price is known or ``provider`` is "": nobody charges for the formatter.

    Tokens of sound or pictures are counted as text. A free tier is not known here: this is what the call would cost.
    """
    for each in _LISTS if provider else ():
        if name := each.find(model):
            at, dearer = each.long.get(name, (None, None))
            price = dearer if dearer and at is not None and usage.tokens_in > at else each.prices[name]
            return Cost(nano_usd=price.nano_usd(usage), version=each.date)
    return None

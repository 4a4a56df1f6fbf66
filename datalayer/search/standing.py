"""What stands out by its meaning.

How near texts are that have nothing to do with each other differs from model to model: no number says what is near
enough.
"""

from collections.abc import Sequence

_TOO_FEW = 20


def least(best: float, others: Sequence[float], beyond: float) -> float:
    """The smallest cosine of what stands out. ``best``: the largest of all. ``others``: of texts that stand for all, at
    least one, smallest first.

    Most texts are of other things, so the lower quarter tells where theirs are, and how far apart: what stands out is
    ``beyond`` standard deviations above their middle. Of a few texts that cannot be told: then it is what is nearer
    than halfway to the best.
    """
    low, quarter = others[len(others) // 20], others[len(others) // 4]
    halfway = (best + others[len(others) // 10]) / 2 - 1e-6
    if len(others) < _TOO_FEW:
        return halfway
    deviation = (quarter - low) / 0.97  # of a normal distribution: from the twentieth part to the fourth
    return max(halfway, quarter + (0.67 + beyond) * deviation)

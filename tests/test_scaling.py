"""docs/scaling.md: what follows does follow from what is assumed. The bench holds what is measured against it."""

import pytest

from bench.scale import FOLLOWS, PAGE, read


@pytest.mark.parametrize("name", FOLLOWS)
def test_what_follows_from_the_assumptions_does(name: str) -> None:
    figures = read(PAGE.read_text())
    assert figures[name] == pytest.approx(FOLLOWS[name](figures), rel=0.05)

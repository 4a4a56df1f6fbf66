"""Formulas: where they are in Markdown, and what becomes of them."""

import re

import pytest

from exchange.formats.formulas import mathml
from exchange.formats.rendering import rendered


def formulas(said: str) -> int:
    return rendered(said).count("<math")


@pytest.mark.parametrize(
    "said",
    [
        "$x$",
        r"so \(a+b\) is",
        "$$x$$",
        "so\n$$\na\n- b\n= c\n$$\nand",
        "\\[\nx^2\n\\]",
        "> $$\n> x\n> $$",
        "- item\n  \\[ x = 1 \\]",
        "5 euros for $n_1$ of them",
        "| $x$ | b |\n|---|---|\n",
        "**$x$**",
        "« $x$ », c’est-à-dire",
    ],
)
def test_what_models_write_as_a_formula_is_one(said: str) -> None:
    assert formulas(said) == 1


@pytest.mark.parametrize(
    "said",
    [
        "It costs $5 and $6.",
        "It costs $5, not $10 (or $7.50).",
        "Ça coûte 5 $ et 6 $, ou 5$ et 6$.",
        "US$5 or A$6, $5-$10, **$5** and **$6**",
        "$5 million now, and 4$ later",
        "$HOME and $PATH, $HOME/$PATH",
        r"\$x\$",
        "`$x$`",
        "```\n$$\nx\n$$\n```",
        "    $$x$$",
        r"a list \[1\] (\[see there\]) \(the note\)",
        "$$never\n\nclosed",
        "$",
        "$$$$",
    ],
)
def test_what_is_none_stays_text(said: str) -> None:
    assert formulas(said) == 0


def test_what_follows_a_formula_is_kept() -> None:
    text = rendered("\\[ x=1 \\] and more\n\n$$y$$ (1)\n\n> $$\n> z\n\nafter")
    assert [word in text for word in ("and more", "(1)", "$$", "after")] == [True] * 4


def test_a_formula_becomes_mathml() -> None:
    assert mathml(r"\frac{a}{b}", False) == "<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>"
    assert mathml("x<1", True) == '<math display="block"><mrow><mi>x</mi><mo>&lt;</mo><mn>1</mn></mrow></math>'
    assert "<munder><mo>lim</mo>" in str(mathml(r"\lim_{x\to0} \frac{\sum_i x}{2}", True))
    assert "<msub><mo>∑</mo>" in str(mathml(r"\lim_{x\to0} \frac{\sum_i x}{2}", True))
    assert "<munder>" not in str(mathml(r"\sum_i x", False))
    equations = str(mathml(r"\begin{aligned}a&=b\\&=c\end{aligned}", True))
    assert (equations.count("<mtr>"), "&" in equations) == (2, False)


@pytest.mark.parametrize(
    "latex",
    [r"\foo{x}", r"\frac{", "x_", r"a & b", "x^{" * 60 + "}" * 60, r"\def\a{\a\a}\a", r"\newcommand{\a}{x}\a", "}{"],
)
def test_what_is_not_understood_is_shown_as_it_was_written(latex: str) -> None:
    assert mathml(latex, True) is None
    text = rendered(f"$${latex}$$")
    assert "<math" not in text
    assert "<code>$$" in text


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(//evil.example)}{x}",
        r"\class{onload}{x}",
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"<img src=x onerror=alert(1)>",
        r"\color{red;background:url(//evil.example)}{x}",
        r"\includegraphics{/etc/passwd}",
        r"\hspace{9999em}x",
    ],
)
def test_a_formula_does_and_loads_nothing(latex: str) -> None:
    text = rendered(f"$${latex}$$")
    names = {name for tag in re.findall(r"<([^>]*)>", text) for name in re.findall(r"^/?\w+|[\w-]+(?==)", tag)}
    elements = {"math", "mrow", "mi", "mo", "mn", "mtext", "mstyle", "mspace", "div", "p", "code"}
    assert {name.strip("/") for name in names} <= elements | {"display", "class", "stretchy", "width"}
    assert re.findall('width="(?!-?[0-9]{0,2}[.0-9]*em)', text) == []


@pytest.mark.parametrize("many", ["$", "$x", r"\(", "$$x\n", "$$\n", "\\[\n", "> $$\n", "$x$ "])
def test_many_marks_take_no_more_than_their_length(many: str) -> None:
    """Else the test takes longer than any may."""
    said = (many * 100_000)[:99_000]
    assert rendered(said).count("<math") in (0, 12_375, 24_750)

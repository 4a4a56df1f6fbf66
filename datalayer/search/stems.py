"""The words by which passages of files are found: tokens without their endings, in English and in French.

A question about a file rarely has its words as they stand there: "budgets" for "budget", "augmenté" for "augmentation".
Nobody tells the language, so endings of both go; what they leave need be no word, only the same for all its forms.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from .tokens import tokens

VERSION = 1
"""Changes when the words of any text change."""
BEFORE = 0.3
"""What a word of an earlier question counts, where one of the question itself counts 1."""
_PLAIN = re.compile("[a-z]{4,}")
_LEAST = 4
"""Letters that an ending leaves."""
_PLURALS = (("eaux", "eau"), ("aux", "al"), ("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("us", "us"), ("s", ""))
# The longest first. Letters without accents: tokens have none.
# Letters without accents, as tokens have none; the longest first.
_ENDINGS = """
ations ation ateur atrice ateurs itions ition ution utions tion tions sion sions ement ements ment ments issement
issements issant issaient issait issent issons issez eraient erait eront erez eras era erions aient ait ant ante ent
ons ez er ir ee if ive eux euse ite ites ette able ible ables ibles iste isme ique iques al ale el elle eur eure aire
ing ings ed edly ingly ly ers est ness ful less ity ities ance ence ances ences ic ical ically ize ise ized ised izes
ises izing ising or ors ous ously ally
""".split()  # noqa: SIM905
_ENDINGS.sort(key=len, reverse=True)
_FUNCTION_WORDS = frozenset(
    """
    the a an of to in on at by for from with and or is are was were be been it its this that these those as do does did
    has have had what which who whom whose when where why how many much can could should would will shall may there
    their they them he she his her our we you your i me my us if than then so not no about into any some
    le la les l un une des de du d au aux et ou en dans sur par pour avec est sont etait etaient etre ete a ont avait
    ce cet cette ces c il elle ils elles on que qu qui quoi quel quelle quels quelles quand comment pourquoi combien
    ou dont se s sa son ses leur leurs nous vous je j tu me m te t ne n pas plus y fait font faut peut doit entre lors
    sans sous chez mon ma mes ton ta tes notre nos votre vos si
    """.split()  # noqa: SIM905
)


def words(text: str) -> list[str]:
    """Of ``text``, in its order."""
    return list(map(stem, tokens(text)))


def wanted(question: str, before: Sequence[str] = ()) -> dict[str, float]:
    """The words of a question, and of those asked before it, with what each counts; function words only where there is
    nothing else."""
    counts = dict.fromkeys(_telling(question), 1.0)
    for said in before:
        for word in _telling(said):
            counts.setdefault(word, BEFORE)
    return counts or dict.fromkeys(words(question), 1.0)


def _telling(question: str) -> Iterator[str]:
    return (stem(token) for token in tokens(question) if token not in _FUNCTION_WORDS)


def counted(text: str) -> Counter[str]:
    return Counter(words(text))


@lru_cache(maxsize=1 << 16)
def stem(token: str) -> str:
    """``token`` without its ending; as it is when it is short, or not of plain letters."""
    if not _PLAIN.fullmatch(token):
        return token
    for ending, instead in _PLURALS:
        if token.endswith(ending) and len(token) - len(ending) >= _LEAST - 1:
            token = token.removesuffix(ending) + instead
            break
    for ending in _ENDINGS:
        if token.endswith(ending) and len(token) - len(ending) >= _LEAST:
            token = token.removesuffix(ending)
            break
    return _short(token)


def _short(token: str) -> str:
    if len(token) > _LEAST and token[-1] in "eiy":
        token = token[:-1]
    if len(token) > _LEAST and token[-1] == token[-2]:
        token = token[:-1]
    return token

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
"""Changes when the words of any text change: a file whose words are of another version has to be read again."""
BEFORE = 0.3
"""What a word of an earlier question counts, where one of the question itself counts 1."""
_PLAIN = re.compile("[a-z]{4,}")
_PLURALS = (("eaux", "eau"), ("aux", "al"), ("ies", "i"), ("sses", "ss"), ("ss", "ss"), ("us", "us"), ("s", ""))
# Of verbs and adjectives, which leave three letters at least, and of what is derived, four. Without accents, as tokens
# are.
_OF_FORMS = "ing ed edly ingly ly er ers est ons ez ait ant ante ent aient ir ee it is ut ue u ite erent irent urent"
_OF_KINDS = """
ations ation ateur atrice ateurs itions ition ution utions tion tions sion sions ement ements ment ments issement
issements issant issaient issait issent issons issez eraient erait eront erez eras era erions if ive eux euse ites ette
able ible ables ibles iste isme ique iques al ale el elle eur eure aire age ages ings ness ful less ity ities ance ence
ances ences ic ical ically ize ise ized ised izes ises izing ising or ors ous ously ally
"""
_ENDINGS = sorted(
    [(ending, 3) for ending in _OF_FORMS.split()] + [(ending, 4) for ending in _OF_KINDS.split()],
    key=lambda each: -len(each[0]),
)
_FUNCTION_WORDS = frozenset(
    """
    the a an of to in on at by for from with and or is are was were be been it its this that these those as do does did
    has have had what which who whom whose when where why how many much can could should would will shall may there
    their they them he she his her our we you your i me my us if than then so not no about into any some
    under without during after before against all while because also just only most more very whether
    le la les l un une des de du d au aux et ou en dans sur par pour avec est sont etait etaient etre ete a ont avait
    ce cet cette ces c il elle ils elles on que qu qui quoi quel quelle quels quelles quand comment pourquoi combien
    ou dont se s sa son ses leur leurs nous vous je j tu me m te t ne n pas plus y fait font faut peut doit entre lors
    sans sous chez mon ma mes ton ta tes notre nos votre vos si contre
    tout tous toute toutes apres avant pendant car donc ni mais aussi meme
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


def tells(question: str) -> bool:
    """Whether it has other words than function words."""
    return any(True for _ in _telling(question))


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
        if token.endswith(ending) and len(token) - len(ending) > 1:
            token = token.removesuffix(ending) + instead
            break
    for ending, least in _ENDINGS:
        if token.endswith(ending) and len(token) - len(ending) >= least:
            token = token.removesuffix(ending)
            break
    return _bare(token)


def _bare(token: str) -> str:
    """Without vowels that are hardly heard, and with one consonant where there were two."""
    while len(token) > 3 and token[-1] in "eiy":
        token = token[:-1]
    if len(token) > 3 and token[-1] == token[-2]:
        token = token[:-1]
    return token

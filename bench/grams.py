"""An embedding model that is no model: the same vector of the same text everywhere, without a network or weights.

A word is the sum of directions, one of each three to five letters that it has in a row: so forms of a word are near one
another, in every language, and words of one root in English and in French. Some common words of one meaning share a
direction besides. A word counts the less the oftener a text has it: what is said once is what a text says, beside what
it is about all along. It shows how two rankings go together, not how well a real model finds.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy

from datalayer.search.stems import stem, wanted
from datalayer.search.tokens import tokens

DIMENSIONS = 768
_LENGTHS = (3, 4, 5)
_SAME = """
animal beast bete | begin start commence open debut commencer ouvrir | big large great grand gros | boat ship vessel
bateau navire | book livre ouvrage | build construct construire batir | buy purchase acheter achat | car automobile
vehicle voiture | cause reason raison cause | child kid enfant | cold froid | colour color couleur | day date jour
journee year annee an | die death dead mort mourir | doctor physician medecin | dog hound chien | eat food meal
manger repas nourriture | end finish close shut fin finir fermer terminer | fall drop decrease baisse diminuer
reduire | fast quick rapide vite | film movie cinema | fire feu incendie | heat hot warm chaud chaleur | height high
tall haut hauteur | help aid aide aider | hour time heure | house home maison logement | ill sick malade maladie |
king queen roi reine | law rule loi regle | length long longueur | letter mail lettre courrier | light lamp lumiere
eclairage | marry wedding couple marier mariage | mend repair restore reparer restaurer | money cash argent | month
mois | morning matin | mountain hill montagne colline | new recent nouveau recent | night nuit | number count nombre
compter | old ancient vieux ancien | pay wage salary paie salaire payer | price cost cout prix tarif | rain pluie |
rise grow increase hausse augmenter croitre | river riviere fleuve | road street route rue voie | school ecole | sea
ocean mer | sell sale vendre vente | small little petit | snow neige | stone rock pierre roche | town city village
ville commune | train railway rail | tree arbre | war battle guerre bataille | water eau | week semaine | weigh
weight heavy poids peser lourd | wind vent | wood bois | work job labour travail emploi
"""
_MEANINGS = {stem(word): group for group in _SAME.split("|") for word in group.split()}
_ALIKE = 0.5
"""What a meaning counts, where the letters of a word count 1."""


class Grams:
    """As ``datalayer.Embeddings``."""

    name = f"grams/{DIMENSIONS}"

    async def embed(self, texts: Sequence[str], query: bool) -> list[list[float]]:
        return [_vector(text).tolist() for text in texts]

    async def close(self) -> None:
        """There is nothing to close."""


def _vector(text: str) -> "numpy.ndarray[Any, Any]":
    telling = wanted(text)
    counts = Counter([word for word in tokens(text) if stem(word) in telling] or ["?"])
    found: numpy.ndarray[Any, Any] = sum((_word(each) / n for each, n in counts.items()), numpy.zeros(DIMENSIONS))
    return found


@lru_cache(maxsize=1 << 14)
def _word(word: str) -> "numpy.ndarray[Any, Any]":
    whole = f"^{word}$"
    grams = [whole[at : at + n] for n in _LENGTHS for at in range(len(whole) - n + 1)] or [whole]
    found = _length_1(sum(map(_direction, grams), numpy.zeros(DIMENSIONS)))
    if group := _MEANINGS.get(stem(word)):
        found = _length_1(found + _ALIKE * _length_1(_direction(group)))
    return found


@lru_cache(maxsize=1 << 16)
def _direction(gram: str) -> "numpy.ndarray[Any, Any]":
    seed = int.from_bytes(hashlib.sha256(gram.encode()).digest()[:8])
    return numpy.random.default_rng(seed).standard_normal(DIMENSIONS)


def _length_1(vector: "numpy.ndarray[Any, Any]") -> "numpy.ndarray[Any, Any]":
    found: numpy.ndarray[Any, Any] = vector / numpy.linalg.norm(vector)
    return found

"""MariaDB and MySQL: the tokens in a column with a FULLTEXT index, in letters that its parser takes for one word each.

The parser takes letters, digits and "_". InnoDB leaves out words of less than three letters and those of a list, which
none is with the key of its user before it, and of more than 84. Of another script that is 13 letters of a word: of what
is found by a longer one the texts are read.
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_
from sqlalchemy.dialects.mysql import LONGTEXT, match

from .base import Sought, Wanted
from .documents import ALL
from .servers import ServerIndex, tables

_LONGEST, _DIGEST = 84, 20
_OTHER = re.compile("[^a-z0-9]")


class MySQLIndex(ServerIndex):
    reads_all = True
    tables = tables(LONGTEXT(charset="ascii", collation="ascii_bin"), mysql_prefix="FULLTEXT")

    def stored(self, tokens: Collection[str]) -> str:
        return f" {' '.join(map(_encoded, tokens))} "

    def read(self, words: ColumnElement[Any]) -> ColumnElement[Any]:
        return words

    def tokens_in(self, words: str) -> set[str]:
        return set(words.split())  # what is cut may be the same

    def seek(self, connection: Connection, key: str, wanted: Wanted) -> Sought:
        unsure = any(_is_cut(key + token) for term in wanted.terms for token in term.tokens)
        return super().seek(connection, key, wanted)._replace(unsure=unsure)

    def has(self, words: ColumnElement[Any], key: str, wanted: Wanted) -> ColumnElement[bool]:
        parts = [or_(*(_stands(words, key + mark) for mark in some)) for some in wanted.marks]
        parts += [~_stands(words, key + mark) for mark in wanted.without]
        for term in wanted.terms:
            *whole, last = (key + token for token in term.tokens)
            if not term.excluded:
                parts += [_stands(words, token) for token in whole] + [_stands(words, last, term.prefix)]
            elif not whole and not _is_cut(last):
                parts.append(~_stands(words, last, term.prefix))
        return and_(*parts or [_stands(words, key + ALL)])

    def indexed(self, words: ColumnElement[Any], key: str, wanted: Wanted) -> ColumnElement[bool]:
        parts = [f"+({' '.join(_encoded(key + mark) for mark in some)})" for some in wanted.marks]
        for term in wanted.terms:
            *whole, last = (_encoded(key + token) for token in term.tokens)
            if not term.excluded:
                parts += [f"+{token}" for token in whole] + [f"+{last}{'*' * term.prefix}"]
        return match(words, against=" ".join(parts or ["+" + _encoded(key + ALL)])).in_boolean_mode()


def _encoded(token: str) -> str:
    """``token`` in letters, digits and "_", so that what begins another one still does, cut at what a word may have. A
    mark that is cut ends in a digest of the whole, since no text tells which of two it is."""
    encoded = _whole(token)
    if len(encoded) <= _LONGEST or "=" not in token:
        return encoded[:_LONGEST]
    return encoded[: _LONGEST - _DIGEST] + hashlib.sha256(token.encode()).hexdigest()[:_DIGEST]


def _is_cut(token: str) -> bool:
    return len(_whole(token)) > _LONGEST


def _whole(token: str) -> str:
    return token if token.isalnum() and token.isascii() else "".join(_letters(token))


def _letters(token: str) -> Iterable[str]:
    return ("__" if each == "=" else f"_{ord(each):05x}" if _OTHER.match(each) else each for each in token)


def _stands(words: ColumnElement[Any], token: str, prefix: bool = False) -> ColumnElement[bool]:
    return func.locate(f" {_encoded(token)}{'' if prefix else ' '}", words) > 0


index = MySQLIndex()

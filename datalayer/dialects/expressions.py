"""Parts of statements that each database writes in its own way. The module of a dialect says how, by ``compiles``."""

from typing import Any

from sqlalchemy import BigInteger, Integer, String, bindparam, cast, select
from sqlalchemy.sql.functions import FunctionElement


class ids_of(FunctionElement[Any]):
    """A table of one column, ``value``: the texts in a JSON list."""

    name = "ids_of"
    inherit_cache = True


class octets(FunctionElement[int]):
    """How many bytes a text has as UTF-8."""

    name = "octets"
    type = Integer()
    inherit_cache = True


def listed(name: str) -> Any:
    """The ids in the JSON list that the parameter ``name`` brings: one statement text for any number of them, where an
    expanded IN is parsed anew each time."""
    return select(ids_of(bindparam(name, type_=String)).table_valued("value").c.value)


def listed_numbers(name: str) -> Any:
    """The same of whole numbers."""
    return select(cast(ids_of(bindparam(name, type_=String)).table_valued("value").c.value, BigInteger))

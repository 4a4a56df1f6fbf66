"""Rows become records here: what is selected are the fields of the record, so that a row is its arguments."""

from typing import Any

from sqlalchemy import ColumnElement, Table, case

from ..schema import blobs, elements

BLOB_NAME: ColumnElement[str] = case(
    (blobs.c.tag.is_(None), elements.c.blob), else_=elements.c.blob + "-" + blobs.c.tag
)
"""``Blob.name`` of the content of an element."""


def columns(record: type, table: Table, **given: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """A column for each field of ``record``, in the order of the fields: ``given``, else the table's of that name."""
    names: tuple[str, ...] = record.__match_args__  # type: ignore[attr-defined]  # dataclasses and named tuples have it
    return [(given[name] if name in given else table.c[name]).label(name) for name in names]

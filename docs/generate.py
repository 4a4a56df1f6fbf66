"""Writes docs/data-model.md from the code: `make docs`. A test fails when the page is out of date."""

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, UniqueConstraint

from datalayer import lines, schema, schema_files, writes

PAGE = Path(__file__).with_name("data-model.md")
_PARAGRAPH = re.compile(r"^((?:# .*\n)+)\w+ = Table\(\n {4}\"(\w+)\"", re.MULTILINE)

_HEAD = """# What is stored

Made from the code by `make docs`; to change it, change the code.

Ids are readable text. Times are UTC microseconds. The tables are in `datalayer/schema.py`, the writes in
`datalayer/writes.py`.
"""
_SPOOL = """
## Lines of a spool file

`<instance>.jsonl` in the spool's folder: one write a line, a JSON object in ASCII, in the order of the calls. `kind`
names the write; where a write has a field `kind` of its own (`RecordUsage`), its fields are in an object `fields`.
`actor` is the identifier of the user who acts; null: a role does, named by `role` (`application`, `visitor`). All have
`thread_id`, `at` (UTC microseconds of the call) and `replayed` (true); those of the table come with it. A field with *
may be missing. A file ends where a line cannot be read: nobody was told that it is safe.

| kind | fields |
|---|---|
"""


def data_model() -> str:
    """The page, in Markdown."""
    source = "".join(map(inspect.getsource, (schema, schema_files)))
    about = {name: _plain(comment) for comment, name in _PARAGRAPH.findall(source)}
    known = sorted(schema.metadata.tables.values(), key=lambda table: list(about).index(table.name))
    tables = (_table(table, about[table.name]) for table in known)
    return _HEAD + "".join(tables) + _SPOOL + "".join(map(_line, lines.KINDS.values()))


def _plain(comment: str) -> str:
    return re.sub(r"^# ", "", comment, flags=re.MULTILINE).strip()


def _table(table: Table, about: str) -> str:
    rows = "".join(f"| `{column.name}` | {column.type} | {_notes(column)} |\n" for column in table.columns)
    indexes = "".join(
        f"- index `{index.name}` on {', '.join(f'`{column.name}`' for column in index.columns)}\n"
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ) + "".join(
        f"- unique: {', '.join(f'`{column.name}`' for column in constraint.columns)}\n"
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint) and len(constraint.columns) > 1
    )
    return f"\n## {table.name}\n\n{about}\n\n| column | type | |\n|---|---|---|\n{rows}" + (indexes and f"\n{indexes}")


def _notes(column: Column[Any]) -> str:
    keys = [f"→ `{key.target_fullname}`" for key in column.foreign_keys]
    unique = ["unique"] * bool(column.unique)
    return ", ".join(["primary key"] * column.primary_key + unique + keys + ["not null"] * (not column.nullable))


def _line(kind: type[writes.Write]) -> str:
    shared = {field.name for field in fields(writes.Write)}
    own = [field for field in fields(kind) if field.name not in shared]
    names = (f"`{field.name}`" + "*" * (field.default is not field.default_factory) for field in own)
    return f"| `{kind.__name__}` | {', '.join(names)} |\n"


if __name__ == "__main__":
    PAGE.write_text(data_model(), encoding="utf-8")

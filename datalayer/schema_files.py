"""The tables of what was read of files, one paragraph each; they are a part of ``schema``."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table

from .column_types import Json, LongBytes, LongText, Seq
from .schema_base import metadata, partial, time

# What was read of a content, once, whoever has it: which contents those are, elements alone say. number: a random one,
# from which the keys of its passages and words follow (sql/file_texts.py). state: making, until all of it is stored,
# kept, or going, until all of it is removed; of a content one row is kept for each kind of file as which it was read.
# reader: who has read it, and as what. refused: why there are no passages.
# lengths: how many words each has. blocks: in how many rows its words are. embedded: the model of which all its
# passages have vectors; "" as long as some have none, NULL where there are no passages. A row points to no other, so
# that it goes last.
file_texts = Table(
    "file_texts",
    metadata,
    Column("number", Seq, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("state", String(8), nullable=False),
    Column("reader", String(64), nullable=False),
    Column("refused", String(16)),
    Column("pages", Integer),
    Column("passages", Integer, nullable=False),
    Column("cut", Boolean, nullable=False),
    Column("blocks", Integer, nullable=False),
    Column("lengths", Json, nullable=False),
    time("created_at", nullable=False),
    Column("embedded", String(64), server_default=""),
    Index("file_texts_by_content", "sha256", "state"),
    Index("file_texts_by_vectors", "embedded", "created_at"),
)
partial("file_texts_unkept", file_texts.c.state, where=file_texts.c.state != "kept")

# A part of a file that can be found and cited. key: the number of its text, and its own behind that.
passages = Table(
    "passages",
    metadata,
    Column("key", Seq, primary_key=True, autoincrement=False),
    Column("text", LongText, nullable=False),
    Column("place", Json, nullable=False),
)

# Which words are in which passages of a file, some words a row: see search/postings.py. key: the number of its text,
# and that of the row behind it.
passage_words = Table(
    "passage_words",
    metadata,
    Column("key", Seq, primary_key=True, autoincrement=False),
    Column("words", LongText, nullable=False),
)

# What passages of a file mean, as vectors, some passages a row. key: the number of its text, and that of the row behind
# it. passages: how many. vectors: as in search/numbers.py, one behind the other, all zeros for a passage that the model
# does not take; empty where none has one.
passage_vectors = Table(
    "passage_vectors",
    metadata,
    Column("key", Seq, primary_key=True, autoincrement=False),
    Column("model", String(64), nullable=False),
    Column("passages", Integer, nullable=False),
    Column("vectors", LongBytes, nullable=False),
    Index("passage_vectors_by_model", "model", "passages"),
)

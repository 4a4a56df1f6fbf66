"""Types of columns, as every database keeps them. The migrations use them, too: what they mean must not change."""

from sqlalchemy import JSON, BigInteger, Integer, LargeBinary, String, Text
from sqlalchemy.dialects.mysql import LONGBLOB, LONGTEXT, VARBINARY

ID = String(255).with_variant(String(255, collation="C"), "postgresql")
"""Compared byte for byte. MySQL's tables have such a collation as a whole: see ``dialects.mysql``."""

LongText = Text().with_variant(LONGTEXT(), "mysql")
"""Without a limit worth the name; MySQL's TEXT ends at 64 KiB."""

Json = JSON(none_as_null=True)
"""None is NULL."""

Seq = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself where their key is an INTEGER."""

Bits = LargeBinary().with_variant(VARBINARY(512), "mysql")
"""A bit for each of 4,096 dimensions at most; MySQL has no BLOB in an index."""

LongBytes = LargeBinary().with_variant(LONGBLOB(), "mysql")
"""MySQL's BLOB ends at 64 KiB."""

Hash = LargeBinary().with_variant(VARBINARY(32), "mysql")
"""A SHA-256, or the salt of one."""

"""The tables, one paragraph each. ``migrations/`` makes them; a test compares both.

Ids are readable text. Times are UTC microseconds. JSON columns hold SQL NULL for None.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
    true,
)

from .column_types import ID, Bits, Hash, Json, LongText, Seq
from .schema_base import metadata as metadata
from .schema_base import partial, time
from .schema_files import file_texts as file_texts
from .schema_files import passage_vectors as passage_vectors
from .schema_files import passage_words as passage_words
from .schema_files import passages as passages

HEAD = "0017"
"""Revision of this schema; the last one in ``migrations/versions``."""

MESSAGES = ("user_message", "assistant_message")
"""Types of the steps that people see as messages."""

# A person who logs in. The id derives from the identifier (records.user_id), so it never moves. Servers limit the
# length of what is in an index, so only SQLite's has the identifier in one.
users = Table(
    "users",
    metadata,
    Column("id", ID, primary_key=True),
    Column("identifier", LongText, nullable=False),
    Column("metadata", Json, nullable=False),
    time("created_at", nullable=False),
    UniqueConstraint("identifier").ddl_if(dialect="sqlite"),
)

# One conversation. last_activity_at moves with messages only. name_source: first_message < model < user; a weaker
# source never replaces a stronger one. folder is a path, "Work/Client A", NULL for none; status is open or done; kind
# is chat, imported or channel, or what an app calls it. trashed_at: since then it is in the trash; 0: it is not,
# because PostgreSQL walks no index in order behind a NULL. model repeats metadata["chat_settings"]["model"], where
# Chainlit keeps a session's settings. threads_as_listed serves the sidebar's keyset pages, threads_by_activity and
# threads_by_creation those of all threads, threads_by_folder those of a folder.
threads = Table(
    "threads",
    metadata,
    Column("id", ID, primary_key=True),
    Column("user_id", ID, ForeignKey("users.id")),
    Column("name", LongText),
    Column("name_source", String(16)),
    Column("metadata", Json, nullable=False),
    Column("tags", Json),
    time("created_at", nullable=False),
    time("last_activity_at", nullable=False),
    Column("folder", ID),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    Column("archived", Boolean, nullable=False, server_default=false()),
    Column("status", String(16), nullable=False, server_default="open"),
    Column("kind", String(16), nullable=False, server_default="chat"),
    Column("trashed_at", BigInteger, nullable=False, server_default="0"),
    Column("model", ID),
    Index("threads_by_activity", "user_id", "last_activity_at", "id"),
    Index("threads_by_creation", "user_id", "created_at", "id"),
    Index("threads_as_listed", "user_id", "trashed_at", "archived", "pinned", "last_activity_at", "id"),
)


partial(
    "threads_by_folder",
    *(threads.c.user_id, threads.c.folder, threads.c.trashed_at, threads.c.archived),
    where=threads.c.folder.is_not(None),
)
partial("threads_in_trash", threads.c.trashed_at, where=threads.c.trashed_at > 0)

# The tags of threads that have an author and are not in the trash, from threads.tags, for lists: texts of at most 255
# characters, each once.
thread_tags = Table(
    "thread_tags",
    metadata,
    Column("thread_id", ID, ForeignKey("threads.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", ID, primary_key=True),
    Column("user_id", ID, nullable=False),
    Index("thread_tags_by_user", "user_id", "tag", "thread_id"),
)

# What each thread of an author is counted as in facet_counts: labels such as "folder:Work"; NULL: as nothing yet.
# stale: the thread may have changed since. A row outlives its thread until that is counted no more, so it points to
# none.
thread_facets = Table(
    "thread_facets",
    metadata,
    Column("thread_id", ID, primary_key=True),
    Column("user_id", ID, nullable=False),
    Column("labels", Json),
    Column("stale", Boolean, nullable=False),
)
partial("thread_facets_stale", thread_facets.c.stale, thread_facets.c.user_id, where=thread_facets.c.stale == true())

# How many threads of a user are counted as what, those that are archived apart: the sum of thread_facets.labels. Counts
# are changed in the background only, so that nobody who writes waits at one.
facet_counts = Table(
    "facet_counts",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("archived", Boolean, primary_key=True),
    Column("facet", String(16), primary_key=True),
    Column("value", ID, primary_key=True),
    Column("count", Integer, nullable=False),
)

# A message or a run/tool step. seq is the order of arrival: a stable rowid in SQLite, elsewhere the moment of the first
# write's call, so that nobody waits at a sequence, and the key is the id; favorite repeats metadata["favorite"] so
# that favourites can be indexed; extra keeps what a newer Chainlit sends and this version has no column for. status is
# None, streaming, complete, stopped, interrupted or failed; instance names the process that streams into the step.
# written_at is the moment of the last write's call, by which one that was delayed in a spool is told.
steps = Table(
    "steps",
    metadata,
    Column("seq", Seq, primary_key=True),
    Column("id", ID, nullable=False, unique=True),
    Column("thread_id", ID, ForeignKey("threads.id", ondelete="CASCADE"), nullable=False),
    Column("parent_id", ID),
    Column("type", String(64)),
    *(Column(name, LongText) for name in ("name", "input", "output")),
    *(Column(name, Boolean) for name in ("streaming", "is_error", "wait_for_answer", "default_open", "auto_collapse")),
    Column("show_input", Json),
    *(Column(name, LongText) for name in ("language", "icon", "command")),
    *(Column(name, Json) for name in ("modes", "tags", "metadata", "generation")),
    Column("favorite", Boolean, nullable=False, default=False),
    time("created_at", nullable=False),
    time("start"),
    time("end"),
    Column("status", String(16)),
    Column("instance", String(64)),
    time("written_at"),
    Column("extra", Json),
    Index("steps_by_thread", "thread_id", "created_at", "seq"),
)


partial("steps_by_parent", steps.c.parent_id, where=steps.c.parent_id.is_not(None))
partial("steps_streaming", steps.c.instance, where=steps.c.status == "streaming")
partial("steps_favorite", steps.c.thread_id, where=steps.c.favorite)

# The content of elements, once per SHA-256; the store of files calls it by this and the tag (NULL: by this alone). The
# row is what locks it while it is taken or let go. released_at: since then it is being removed, for good; whoever needs
# the content again stores it with another tag.
blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    time("created_at", nullable=False),
    time("released_at"),
    Column("tag", String(16)),
)

# A file, image, chart… of a step. for_id is empty for a TaskList, and may come before its step: no foreign key.
# trashed_at: as of threads.
elements = Table(
    "elements",
    metadata,
    Column("id", ID, primary_key=True),
    Column("thread_id", ID, ForeignKey("threads.id", ondelete="CASCADE"), nullable=False),
    Column("for_id", ID),
    Column("type", String(64)),
    Column("name", LongText),
    Column("display", String(64)),
    Column("size", String(64)),
    Column("language", LongText),
    Column("page", Integer),
    Column("mime", LongText),
    Column("url", LongText),
    Column("chainlit_key", LongText),
    Column("object_key", LongText),
    Column("props", Json),
    Column("auto_play", Boolean),
    Column("player_config", Json),
    Column("blob", String(64), ForeignKey("blobs.sha256")),
    time("created_at", nullable=False),
    Column("extra", Json),
    Column("trashed_at", BigInteger, nullable=False, server_default="0"),
    Index("elements_by_thread", "thread_id"),
    Index("elements_by_step", "for_id"),
    Index("elements_by_blob", "blob"),
)
partial("elements_in_trash", elements.c.trashed_at, where=elements.c.trashed_at > 0)

# The hash chain of a thread (docs/proof.md): a row for each time that a message appeared, changed or went. of: the
# number of the link that this one replaces. step_id and salt say of which message the digest is; a link that is
# replaced has neither. Row 0 says how long the chain is: of, the number of the last link, and hash, that link's; at:
# since when. Its kind is partial while older messages have no link yet, else head.
links = Table(
    "links",
    metadata,
    Column("thread_id", ID, ForeignKey("threads.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("of", Integer),
    time("at", nullable=False),
    Column("step_id", ID),
    *(Column("salt", Hash), Column("digest", Hash), Column("hash", Hash, nullable=False)),
)
partial("links_by_step", links.c.step_id, where=links.c.step_id.is_not(None))

# A vote. user_id is "" where nobody logs in, because NULLs would escape the unique constraint.
feedbacks = Table(
    "feedbacks",
    metadata,
    Column("id", ID, primary_key=True),
    Column("step_id", ID, ForeignKey("steps.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ID, nullable=False),
    Column("value", Integer, nullable=False),
    Column("comment", LongText),
    time("created_at", nullable=False),
    UniqueConstraint("step_id", "user_id"),
    Index("feedbacks_by_user", "user_id", "value", "step_id"),
)

# A call of a model: a turn, a title or a summary. Nothing here points to another table, so a row is never refused and
# outlives its thread: what was spent was spent. user_id is "" where nobody logs in. tokens are NULL when the model was
# never reached, cost (billionths of a US dollar, so that sums are exact) when no price is known. latency and
# first_token are microseconds from started_at. Each index holds all that one kind of total is asked by: with
# thread_id alone, SQLite would rather read all that the user spent since a moment.
usage = Table(
    "usage",
    metadata,
    Column("id", ID, primary_key=True),
    Column("user_id", ID, nullable=False),
    Column("thread_id", ID, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("model", LongText, nullable=False),
    Column("provider", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("fallback", String(32)),
    Column("tokens_in", Integer),
    Column("tokens_out", Integer),
    Column("tokens_cached", Integer),
    Column("estimated", Boolean, nullable=False),
    Column("cost", BigInteger),
    Column("price_version", String(32)),
    time("started_at", nullable=False),
    Column("latency", BigInteger, nullable=False),
    Column("first_token", BigInteger),
    Index("usage_by_user", "user_id", "started_at"),
    Index("usage_by_thread", "thread_id", "user_id", "started_at"),
)

# What the messages of a thread said up to one of them, for a model whose window is too small for all. It replaces no
# message. digest is that of the messages it covers; a change to one of them deletes the row, so a row is always true.
summaries = Table(
    "summaries",
    metadata,
    Column("thread_id", ID, ForeignKey("threads.id", ondelete="CASCADE"), primary_key=True),
    Column("text", LongText, nullable=False),
    Column("from_step", ID, nullable=False),
    Column("until_step", ID, nullable=False),
    time("until_at", nullable=False),
    Column("messages", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("source", String(16), nullable=False),
    Column("model", LongText),
    time("created_at", nullable=False),
)

# What a message means, as a vector, where an app has a model for that. model: its name and dimensions; "" as long as
# the vector is still to be made. made: when it was, or since when it waits. digest: of the text, so that one that has
# changed is told. vector: as in search/numbers.py, empty for a text that the model does not take; sketch: its signs, in
# an index with all that a search first looks at. A row goes with its step.
vectors = Table(
    "vectors",
    metadata,
    Column("step_id", ID, ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ID, nullable=False),
    Column("model", String(64), nullable=False),
    time("made", nullable=False),
    Column("digest", String(32), nullable=False),
    Column("sketch", Bits, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Index("vectors_by_user", "user_id", "model", "made", "step_id", "sketch"),
    Index("vectors_by_model", "model", "made"),
)

# What a user wants of new conversations. The app that keeps it knows what it means.
preferences = Table(
    "preferences",
    metadata,
    Column("user_id", ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("settings", Json, nullable=False),
    time("updated_at", nullable=False),
)

# A read-only link to a thread, made by its author. digest: the SHA-256 of the link's secret, which is nowhere.
# password: a hash. audience is public or signed_in. files, author and cost: whether it shows them. sites: origins whose
# pages may show it in a frame. snapshot: what it shows, as it was; NULL: it shows what is said now.
shares = Table(
    "shares",
    metadata,
    Column("id", ID, primary_key=True),
    Column("thread_id", ID, ForeignKey("threads.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ID, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("audience", String(16), nullable=False),
    time("expires_at"),
    Column("password", String(255)),
    *(Column(name, Boolean, nullable=False) for name in ("files", "author", "cost")),
    Column("sites", Json, nullable=False),
    Column("snapshot", Json),
    Column("views", BigInteger, nullable=False),
    time("created_at", nullable=False),
    Index("shares_by_thread", "thread_id"),
    Index("shares_by_user", "user_id", "created_at"),
)

# What was deleted, so that a late write cannot bring it back. kind: thread, step, element. It goes after a month, when
# none can arrive any more. kind archived: the digest of what retention has removed and an archive may bring back; it
# stays.
tombstones = Table(
    "tombstones",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("id", ID, primary_key=True),
    time("deleted_at", nullable=False),
)

# A process that has the database open, where no lock of a file tells: seen_at is its last sign of life, by the
# server's clock.
instances = Table(
    "instances",
    metadata,
    Column("id", ID, primary_key=True),
    time("seen_at", nullable=False),
)

# What an app keeps beside conversations, for all its instances. The app knows what it means. version counts the
# changes, so that of two at once one is told.
app_values = Table(
    "app_values",
    metadata,
    Column("key", ID, primary_key=True),
    Column("value", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
)

"""Alembic's entry point. The caller's connection is inside a transaction already, and stays so."""

from alembic import context

from datalayer.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()

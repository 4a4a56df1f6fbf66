"""Alembic's entry point. The caller's connection is inside a transaction already, and stays so."""

from alembic import context

from datalayer.schema import metadata

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
    version_table=given["versions"],
    version_table_schema=given["schema"],
)
context.run_migrations()

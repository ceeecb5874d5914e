"""Runs the migrations on the connection that `gateway.state.migrate` hands over. Alembic loads this file."""

from alembic import context

from gateway.state.schema import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()

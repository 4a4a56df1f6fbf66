"""Threadkeep: configuration -> data layer -> handlers."""

import chainlit as cl

from assistant import auth, chainlit_fixes, handlers
from assistant import config as configuration
from datalayer import DataLayer, DataLayerError

config = configuration.load()
try:
    DataLayer.check(config.database_url)
except DataLayerError as error:
    raise SystemExit(f"Threadkeep cannot open its database {config.database}: {error}") from None
print(f"Threadkeep keeps its data in {config.home}", flush=True)

auth.install(config)
chainlit_fixes.install()


@cl.data_layer
def data_layer() -> DataLayer:
    return DataLayer(config.database_url, files=config.files)


handlers.register(config)

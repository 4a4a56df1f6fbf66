"""Threadkeep: configuration -> data layer -> handlers."""

import chainlit as cl

from assistant import auth, chainlit_fixes, handlers
from assistant import config as configuration
from assistant.notices import Notices
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
    layer = DataLayer(config.database_url, files=config.files, spool=config.spool)
    layer.store.listeners.append(Notices())
    return layer


handlers.register(config)

"""Threadkeep: configuration -> data layer and its library page -> handlers."""

from functools import partial

import chainlit as cl

import library
from assistant import config as configuration
from assistant import fixes, services
from assistant.access import auth, bounds, headers, storage
from assistant.screen import attaching, events, handlers
from assistant.server import exporting, health, serving, startup
from datalayer import DataLayer

config = configuration.load()
serving.install(config)
startup.check(config)
link, metrics = services.make_link(config), services.make_metrics(config)
embeddings = services.make_embeddings(config)
visitors = auth.install(config, link)
bounds.install(config)
storage.install(config)
fixes.install()
events.install()
headers.install()
exporting.install()


@cl.data_layer
def data_layer() -> DataLayer:
    layer = services.make_layer(config, embeddings)
    most = config.max_storage_mb and config.max_storage_mb * 1_000_000
    library.mount(
        layer,
        storage=most,
        changed=partial(attaching.changed, layer),
        largest_import=config.import_mb * 1_000_000,
        stays=visitors.stays,
        knows=visitors.knows,
    )
    return layer


startup.register(config, *handlers.register(config, metrics), link)
health.install(config, metrics, link)

"""The library page for any Chainlit app: at ``/library`` its people find, read and put in order their conversations.

@cl.data_layer
def data_layer():
    layer = DataLayer("sqlite+aiosqlite:///threads.db", files="files/")
    library.mount(layer)
    return layer
"""

from .routes import mount

__all__ = ["mount"]

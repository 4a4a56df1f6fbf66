"""The data layer of this project, which fails when it is told to."""

from datalayer import DataLayer, StoreUnavailable


class Kept(DataLayer):
    def __init__(self):
        super().__init__("sqlite+aiosqlite:///threads.db", files="files/")

    def update_thread(self, thread_id, name=None, *given, metadata=None, **more):
        if "broken" in (metadata or {}):
            raise StoreUnavailable("the database is away")
        return super().update_thread(thread_id, name, *given, metadata=metadata, **more)

"""A data layer in memory, as Chainlit's own are made: what it is called with, in order, and no more."""

import uuid

from chainlit.data.base import BaseDataLayer
from chainlit.data.utils import queue_until_user_message
from chainlit.types import PageInfo, PaginatedResponse
from chainlit.user import PersistedUser
from chainlit.utils import utc_now
from fastapi import HTTPException


class Plain(BaseDataLayer):
    def __init__(self):
        self.users, self.threads, self.calls = {}, {}, []

    def thread(self, thread_id):
        new = {"id": thread_id, "createdAt": utc_now(), "name": None, "metadata": {}, "steps": {}, "elements": []}
        return self.threads.setdefault(thread_id, new)

    async def get_user(self, identifier):
        return self.users.get(identifier)

    async def create_user(self, user):
        made = PersistedUser(identifier=user.identifier, id=str(uuid.uuid4()), createdAt=utc_now())
        return self.users.setdefault(user.identifier, made)

    async def update_thread(self, thread_id, name=None, user_id=None, metadata=None, tags=None):
        if "broken" in (metadata or {}):
            raise RuntimeError("the database is away")
        thread = self.thread(thread_id)
        thread["name"] = thread["name"] if name is None else name
        thread["metadata"] |= metadata or {}
        if user_id:
            thread["userIdentifier"] = next(user.identifier for user in self.users.values() if user.id == user_id)

    async def get_thread(self, thread_id):
        found = self.threads.get(thread_id)
        return found and {**found, "metadata": dict(found["metadata"]), "steps": list(found["steps"].values())}

    async def get_thread_author(self, thread_id):
        return self.threads.get(thread_id, {}).get("userIdentifier", "")

    async def list_threads(self, pagination, filters):
        listed = [{**thread, "steps": []} for thread in self.threads.values()]
        return PaginatedResponse(PageInfo(False, None, None), listed)

    async def delete_thread(self, thread_id):
        self.threads.pop(thread_id, None)

    @queue_until_user_message()
    async def create_step(self, step_dict):
        self.calls.append(f"create {step_dict['output']}")
        self.thread(step_dict["threadId"])["steps"][step_dict["id"]] = step_dict

    @queue_until_user_message()
    async def update_step(self, step_dict):
        self.calls.append(f"update {step_dict['output']}")
        self.thread(step_dict["threadId"])["steps"][step_dict["id"]] = step_dict

    @queue_until_user_message()
    async def delete_step(self, step_id):
        for thread in self.threads.values():
            thread["steps"].pop(step_id, None)

    @queue_until_user_message()
    async def create_element(self, element):
        pass

    @queue_until_user_message()
    async def delete_element(self, element_id, thread_id=None):
        pass

    async def get_element(self, thread_id, element_id):
        return None

    async def upsert_feedback(self, feedback):
        raise HTTPException(404, "There is no such step")

    async def delete_feedback(self, feedback_id):
        return False

    async def get_favorite_steps(self, user_id):
        return []

    async def set_step_favorite(self, step_dict, favorite):
        return step_dict

    async def build_debug_url(self):
        return ""

    async def close(self):
        pass

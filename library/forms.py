"""What a form of the page has sent."""

import re

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .changing import MOST, Change

_FIELDS = MOST + 10
_FIELD_SIZE = 512 * 1024
_SIZE = 1_000_000
"""Bytes of all fields; browsers tell it."""


async def sent(request: Request) -> tuple[FormData | None, int]:
    """What was sent, or None and the status of the refusal: it is too much, or no form."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or len(length) > 9 or int(length) > _SIZE:
        return None, 413
    try:
        async with request.form(max_files=0, max_fields=_FIELDS, max_part_size=_FIELD_SIZE) as form:
            return form, 200
    except HTTPException as error:
        return None, 400 if error.detail.startswith("Invalid") else 413


def asked(form: FormData) -> Change:
    """Who presses Enter in a field means what is in it."""
    named = {key: str(form.get(key, "")) for key in ("do", "folder", "tags")}
    what = named["do"] or ("move" if named["folder"] else "tag" if named["tags"] else "")
    tags = [tag.strip() for tag in re.split("[,;，、\\n]", named["tags"]) if tag.strip()]
    values = [named["folder"]] if what == "move" else tags if what in ("tag", "untag") else []
    return Change(what, tuple(dict.fromkeys(str(each) for each in form.getlist("id"))), tuple(values))

"""Pictures that were attached to a chat."""

from ..base import File, Problem
from ..places import Place
from ..reasons import Why
from ..values import data_url, line, listed, mapping, text


def pictures(attachments: object, place: Place, problems: list[Problem]) -> list[File]:
    """Pictures, as data: URLs or what follows the comma of one."""
    made = []
    for number, each in enumerate(map(mapping, listed(attachments)[:1_000]), 1):
        given, mime = text(each.get("image") or each.get("contentString")), line(each.get("mime"))
        content = (
            data_url(given if given.startswith("data:") else f"data:{mime or ''};base64,{given}") if given else None
        )
        name = line(each.get("name")) or f"picture-{number}"
        found, inside = content or (None, None)
        made.append(File(f"picture-{number}", name, mime or found, content=inside))
        if inside is None:
            problems.append(Problem(place, Why("picture_unreadable"), lost=False))
    return made

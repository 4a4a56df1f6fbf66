"""Pictures that were attached to a chat."""

from ..base import File, Problem
from ..values import data_url, line, listed, mapping, text


def pictures(attachments: object, place: str, problems: list[Problem]) -> list[File]:
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
            problems.append(Problem(place, "the content of a picture is damaged, too large, or not there", lost=False))
    return made

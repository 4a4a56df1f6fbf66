"""What a person may begin with: the suggestions on the page of a new conversation, in the language of the page."""

import chainlit as cl

from ..texts import Language, language, say

_STARTERS = ("first", "write", "find", "commands")


def register() -> None:
    @cl.set_starters
    async def starters(_user: cl.User | None, tag: str | None) -> list[cl.Starter]:
        return suggestions(language(tag))


def suggestions(to: Language) -> list[cl.Starter]:
    return [cl.Starter(say(f"starter_{name}", to), say(f"starter_{name}_message", to)) for name in _STARTERS]

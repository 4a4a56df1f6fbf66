"""What the scripts and styles of ``public/`` mend in Chainlit's page is still as they know it.

A line that fails says which of them to look at: what it mends may be right now, or mended no longer.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from chainlit import server

from tests.processes import ROOT

KNOWN = {
    "author.js": "alt:`Avatar for ${",  # and the name of who answers nowhere else
    "commands.js": "command-buttons-container",
    "drafts.js": '"client_message",{message:',  # sent, and kept nowhere
    "ended.js": '"connect_error"',
    "focus.js": "aria-hidden",
    "fork.js": '"-ml-1.5 flex items-center flex-wrap",children:[l?',  # where the buttons of an answer stand
    "language.js": "navigator.language",
    "messages.js": 'emit("edit_message",{message:X})',  # sent once, whether it arrives or not
    "motion.js": 'behavior:"smooth"',
    "names.js": 'id:"chat-submit"',
    "own.js": '"data-step-type":t.type',
    "requests.js": 'this.post("/login",t)',
    "returning.js": '{path:"/login",element:',
    "scroll.js": "overflow-y-auto",
    "theme.js": 'storageKey:"vite-ui-theme",defaultTheme:',  # the server's, not the system's
    "threads.js": '"div",{onClick:a=>{a.stopPropagation(),a.preventDefault()},id:"thread-options"',  # no keyboard
    "title.js": 'ee.on("first_interaction"',
    "unreachable.js": 'Qn.error("Error fetching threads: "+',
    "words.js": 'children:"Toggle theme"',  # no translation
}


@cache
def bundle() -> str:
    """All scripts of Chainlit's page."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted(Path(server.build_dir, "assets").glob("*.js")))


@pytest.mark.parametrize(("mended_by", "passage"), KNOWN.items())
def test_what_a_script_mends_is_still_there(mended_by: str, passage: str) -> None:
    assert (ROOT / "public" / "page" / mended_by).exists()
    assert passage in bundle()


def test_the_page_has_every_element_that_is_looked_for() -> None:
    sources = [*(ROOT / "public" / "page").glob("*.js"), ROOT / "public" / "threadkeep.css"]
    wanted = {id for path in sources for id in re.findall(r"(?<![\w&.])#([a-z][a-z-]*[a-z])\b(?!\()", path.read_text())}
    assert len(wanted) > 15
    assert {id for id in wanted if not re.search(f'"#?{id}"', bundle())} == set()

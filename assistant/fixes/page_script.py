"""What people write is eaten by the page, ``12:30`` and ``H~2~O`` and prices; long conversations make it stand still;
below a path it shows no PDF; and names of elements become links inside code, which then says something else.

The script that ``index.html`` names reads Markdown with extensions of which it gives no choice: directives take the
word after a colon, one tilde strikes through, and a dollar opens a formula that another one far away closes. And it
looks for the worker of its PDF preview at "/", where below a path there is another site. And it takes seconds to put a
few hundred steps below their parents. Here it is served with replacements: another list of extensions, those of
``public/page/markdown.js`` among them, the worker's address, ``public/page/steps.js`` for the steps and elements,
``public/page/sources.js`` for the names of elements, and the panel that shows one has a title and opens when asked.
The group of what is pinned (``public/page/pinned.js``) comes first in the sidebar, for a screen reader and the Tab key.
What is stored and sent is what was written, so it is the reader that has to be right.
"""

import gzip
import hashlib
import logging
import re
from functools import cache
from pathlib import Path

from chainlit import server
from chainlit.config import config
from fastapi import APIRouter, Request, Response

logger = logging.getLogger("assistant")

_SCRIPT = re.compile(r'src="(/assets/index-[\w-]+\.js)"')
# [cursor, tables and links, directives, alerts made of directives], and formulas when they are switched on
_READERS = re.compile(
    rb"\[([\w$]+),([\w$]+),[\w$]+,[\w$]+\];return ([\w$]+)&&\(([\w$]+)=\[\.\.\.\4,[\w$]+\]\),\4\},\[\3\]\)"
)
_OURS = rb"[\1,[\2,{singleTilde:!1}],...globalThis.markdownReaders||[]];return \4},[\3])"
_WORKER = re.compile(rb'"(/assets/pdf\.worker[\w.-]+\.mjs)"')
# Of a conversation that is resumed: each step is added to the messages, and the elements that are shown are set.
_STEPS = re.compile(rb"let ([\w$]+)=\[\];for\(let ([\w$]+) of ([\w$]+)\.steps\)\1=([\w$]+)\(\1,\2\);")
_NESTED = rb"let \1=globalThis.nestedSteps?globalThis.nestedSteps(\3):\3.steps.reduce(\4,[]);"
_ELEMENTS = re.compile(
    rb"([\w$]+)\(([\w$]+\.filter\([\w$]+=>[\w$]+\.type===\"tasklist\"\))\),"
    rb"([\w$]+)\(([\w$]+\.filter\([\w$]+=>\[\"avatar\",\"tasklist\"\]\.indexOf\([\w$]+\.type\)===-1\))\)"
)
_SAME = (
    rb"\1(globalThis.heldElements?globalThis.heldElements(\2):\2),"
    rb"\3(globalThis.heldElements?globalThis.heldElements(\4):\4)"
)
# A name of an element in a text becomes a link to it; the panel that opens has that name for its title.
_NAMES = re.compile(rb"([\w$]+)\.replaceAll\(([\w$]+),(?=[\w$]+=>\{const [\w$]+=[\w$]+\.find\()")
_IN_PROSE = rb"(globalThis.namesInProse||((text,names,to)=>text.replaceAll(names,to)))(\1,\2,"
_TITLE = re.compile(rb"\{title:([\w$]+)\.name,elements:\[\1\]\}")
_TITLED = rb"{title:(\1.props||{}).title||\1.name,elements:[(globalThis.asNow||(each=>each))(\1)]}"
_PANELS = 2
"""Of a conversation, and of one that is shared."""
# The panel opens by itself with all elements that belong there, when there is another one, and closes with the last.
_OPENING = re.compile(
    rb"const ([\w$]+)=([\w$]+)\.filter\(([\w$]+)=>\3\.display===\"side\"\);if\(\1\.length===0\)"
    rb"\{([\w$]+)\.current=new Map,([\w$]+)\.current=\[\],([\w$]+)\(void 0\);return\}"
)
_WHEN_ASKED = (
    rb'const \1=\2.filter(\3=>\3.display==="side"&&!(\3.props||{}).source);if(\1.length===0)'
    rb"{(\5.current.length||!\2.length)&&\6(void 0),\4.current=new Map,\5.current=[];return}"
)
# The groups of the sidebar stand in this order, and then by month, the latest first.
_GROUPS = re.compile(rb'\["Today","Yesterday","Previous 7 days","Previous 30 days"\]')
_OTHERS_FIRST = rb'[...globalThis.groupsBefore||[],"Today","Yesterday","Previous 7 days","Previous 30 days"]'
_LOST = (
    "reads Markdown in its own way",
    "may show no PDF below a path",
    "is slow with long conversations",
    "draws long conversations anew",
    "makes links of names in code",
    "calls the panel of a source by its number",
    "opens that panel unasked",
    "has pinned conversations last for whoever goes through the sidebar by keyboard",
)
_ROUTE = "page_script"


def install() -> None:
    """Serves the page's script in place of Chainlit's route. A script that is not as expected is served as it is."""
    build = Path(server.build_dir)
    found = _SCRIPT.search((build / "index.html").read_text(encoding="utf-8"))
    if found is None:
        logger.warning("Chainlit's page has no script that is known here: it reads Markdown in its own way")
        return
    router = APIRouter(prefix=config.run.root_path)

    @router.api_route(found[1], methods=["GET", "HEAD"], name=_ROUTE, include_in_schema=False)
    def serve(request: Request) -> Response:
        return _response(build / found[1][1:], request)

    routes = server.app.router.routes
    routes[:] = [*router.routes, *(route for route in routes if getattr(route, "name", "") != _ROUTE)]


def _response(script: Path, request: Request) -> Response:
    packed, tag = _packed(script)
    # For ten minutes it is not asked for again; then the page does not wait for the answer.
    caching = "max-age=600, stale-while-revalidate=604800"
    headers = {"ETag": tag, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(packed), headers=headers, media_type="text/javascript")
    return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type="text/javascript")


@cache
def _packed(script: Path) -> tuple[bytes, str]:
    """The script, compressed once (Chainlit does it for each page that asks), and its tag."""
    text, replaced = better(script.read_bytes(), config.run.root_path.rstrip("/"))
    for number, lost in zip(replaced, _LOST, strict=True):
        if number != 1:
            logger.warning("%s is another script than expected: it %s", script.name, lost)
    return gzip.compress(text, 6, mtime=0), f'"{hashlib.sha256(text).hexdigest()[:32]}"'


def better(text: bytes, root_path: str) -> tuple[bytes, tuple[int, ...]]:
    """The script with our list of extensions, the worker's address below ``root_path``, and our way with steps,
    elements, their names and titles; and how many of each were replaced: one, of titles one for each panel."""
    text, lists = _READERS.subn(_OURS, text)
    text, addresses = _WORKER.subn(lambda found: b'"' + root_path.encode() + found[1] + b'"', text)
    text, steps = _STEPS.subn(_NESTED, text)
    text, elements = _ELEMENTS.subn(_SAME, text)
    text, names = _NAMES.subn(_IN_PROSE, text)
    text, panels = _TITLE.subn(_TITLED, text)
    text, openings = _OPENING.subn(_WHEN_ASKED, text)
    text, groups = _GROUPS.subn(_OTHERS_FIRST, text)
    return text, (lists, addresses, steps, elements, names, panels // _PANELS, openings, groups)

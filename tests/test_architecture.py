"""The floors of the house (docs/design.md): an import goes only to a lower floor, and a module stays readable."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

import datalayer

ROOT = Path(__file__).resolve().parents[1]

# Packages of datalayer whose modules have floors of their own.
ROOMS = {"chain", "chainlit", "dialects", "search", "sql"}
# Floor of each module of datalayer, or package. On one floor only the imports of SIDEWAYS are allowed.
FLOORS = {
    "errors": 0,
    "embeddings": 0,
    "text": 0,
    "records": 0,
    "write": 0,
    "writes": 0,
    "actors": 0,
    "lines": 1,
    "passages": 0,
    "reports": 0,
    "views": 0,
    "whole": 1,
    "observer": 0,
    "durable": 0,
    "answers": 0,
    "column_types": 0,
    "door": 1,
    "chainlit": 0,
    "chainlit.calls": 1,
    "chainlit.chosen_ids": 1,
    "chainlit.ended_sessions": 1,
    "chainlit.votes": 1,
    "schema_base": 0,
    "schema_files": 0,
    "schema": 1,
    "chain": 0,
    "chain.content": 2,
    "chain.rows": 3,
    "chain.adding": 4,
    "chain.beginning": 4,
    "chain.checking": 5,
    "history": 15,
    "search": 0,
    "search.tokens": 1,
    "search.stems": 2,
    "search.postings": 3,
    "search.bm25": 4,
    "search.query": 2,
    "search.matching": 3,
    "search.snippets": 4,
    "search.documents": 3,
    "search.base": 4,
    "search.engines": 5,
    "search.servers": 5,
    "search.sqlite": 5,
    "search.postgres": 6,
    "search.mysql": 6,
    "search.building": 6,
    "search.changes": 6,
    "search.checking": 7,
    "search.streams": 6,
    "search.find": 7,
    "search.nearest": 8,
    "search.fusion": 9,
    "search.numbers": 1,
    "search.standing": 1,
    "search.slips": 8,
    "search.results": 8,
    "dialects.base": 1,
    "dialects.expressions": 1,
    "dialects.workers": 1,
    "dialects": 2,
    "dialects.upserts": 2,
    "dialects.prepared": 2,
    "dialects.server": 3,
    "dialects.sqlite": 3,
    "dialects.postgres": 4,
    "dialects.mysql": 4,
    "place": 3,
    "migrations": 7,
    "dialects.sqlite_file": 8,
    "dialects.rights": 8,
    "dialects.server_schema": 9,
    "dialects.tools": 10,
    "dialects.mysql_tools": 11,
    "dialects.postgres_tools": 11,
    "blobs": 1,
    "sql": 0,
    "sql.rows": 2,
    "sql.values": 2,
    "sql.digests": 3,
    "sql.facts": 3,
    "sql.queries": 8,
    "spool": 2,
    "mirror": 2,
    "transaction": 2,
    "standby": 3,
    "backlog": 3,
    "writer": 4,
    "lanes": 5,
    "sql.app_values": 3,
    "sql.shares": 3,
    "sql.leases": 4,
    "sql.retention": 3,
    "sql.archiving": 7,
    "sql.unarchiving": 7,
    "sql.context": 3,
    "sql.parts": 8,
    "sql.file_texts": 4,
    "sql.passages": 5,
    "sql.passage_vectors": 5,
    "sql.near_passages": 10,
    "sql.own_files": 6,
    "sql.copying": 4,
    "sql.usage": 4,
    "sql.lists": 4,
    "sql.organising": 4,
    "sql.vectors": 4,
    "sql.labels": 5,
    "sql.counts": 6,
    "sql.facets": 6,
    "sql.summaries": 4,
    "sql.whole": 5,
    "sql.group": 7,
    "reads": 15,
    "fused": 14,
    "asking": 2,
    "questions": 3,
    "fused_passages": 14,
    "passage_embedding": 6,
    "file_texts": 5,
    "files": 15,
    "own_files": 15,
    "app_values": 8,
    "sharing": 8,
    "shares": 1,
    "vectors": 8,
    "sql.contents": 6,
    "sql.removing": 7,
    "sql.trashing": 7,
    "sql.merging": 7,
    "sql.forking": 7,
    "sql.importing": 7,
    "sql.imported_rows": 3,
    "sql.versions": 7,
    "sql.apply": 8,
    "sql.overlay": 9,
    "sql.instances": 9,
    "chainlit.content": 7,
    "releases": 6,
    "archive": 9,
    "archived": 9,
    "beside": 17,
    "restoring": 18,
    "imports": 17,
    "takeover": 15,
    "retention": 10,
    "pruning": 3,
    "purging": 3,
    "forks": 2,
    "versions": 1,
    "merges": 16,
    "sql.tombstones": 3,
    "backup": 12,
    "counting": 13,
    "indexing": 13,
    "embedding": 13,
    "opening": 13,
    "moving": 14,
    "reindexing": 14,
    "readonly": 16,
    "store": 16,
    "chainlit.shapes": 17,
    "chainlit.routes": 17,
    "chainlit.sources": 17,
    "chainlit.actor": 17,
    "chainlit.events": 17,
    "chainlit.meant": 18,
    "chainlit.sessions": 18,
    "chainlit.temporary": 18,
    "chainlit.listing": 18,
    "chainlit.parts": 19,
    "chainlit.versions": 19,
    "chainlit.adapter": 19,
    "__init__": 20,
    "__main__": 20,
}
SIDEWAYS = {
    ("schema_files", "column_types"),
    ("schema_files", "schema_base"),
    ("text", "errors"),
    ("search.changes", "search.building"),
    ("records", "errors"),
    ("writes", "records"),
    ("writes", "actors"),
    ("writes", "write"),
    ("write", "actors"),
    ("actors", "records"),
    ("reports", "records"),
    ("views", "records"),
    ("reports", "writes"),
    ("chainlit.routes", "chainlit.shapes"),
    ("chainlit.routes", "chainlit.sources"),
    ("chainlit.sources", "chainlit.shapes"),
    ("chainlit.adapter", "chainlit.parts"),
    ("chainlit.adapter", "chainlit.versions"),
    ("sql.parts", "sql.queries"),
    ("own_files", "files"),
    ("sql.removing", "sql.group"),
    ("sql.trashing", "sql.group"),
    ("sql.merging", "sql.group"),
    ("sql.merging", "sql.removing"),
    ("sql.archiving", "sql.group"),
    ("sql.archiving", "sql.removing"),
    ("sql.forking", "sql.group"),
    ("sql.importing", "sql.group"),
    ("sql.unarchiving", "sql.group"),
    ("sql.versions", "sql.group"),
    ("sql.forking", "sql.merging"),
}
# What may import SQLAlchemy, and what Chainlit: packages and modules of datalayer.
SQLALCHEMY = {
    "chain",
    "column_types",
    "dialects",
    "migrations",
    "schema",
    "schema_base",
    "schema_files",
    "search",
    "sql",
}
CHAINLIT = {"chainlit", "door"}
# Floor of each room of the assistant. An import goes only to a lower floor; app.py stands above all of them.
ROOMS_OF_ASSISTANT = {
    "__init__": 0,
    "server.environment": 0,  # what must be right before anything else is read
    "marks": 0,
    "texts": 0,
    "kept": 0,
    "config": 1,
    "memory": 2,
    "models": 2,
    "retrieval": 3,
    "settings": 3,
    "usage": 3,
    "services": 4,
    "turns": 5,
    "commands": 6,
    "fixes": 6,
    "access": 7,
    "screen": 7,
    "server": 8,
    "__main__": 9,
}
# The others know nothing of Chainlit.
KNOW_CHAINLIT = {"access", "fixes", "screen", "server", "__main__"}
# Floor of each module of exchange, which the library and the assistant use.
FLOORS_OF_EXCHANGE = {
    "verify_export": 0,
    "verify_signatures": 0,
    "signing": 0,
    "texts": 0,
    "origins": 1,
    "opened": 2,
    "planting": 2,
    "importing": 3,
    "maths": 0,
    "harmless": 1,
    "archive": 0,
    "names": 0,
    "withheld": 0,
    "returning": 1,
    "migrating": 2,
    "selection": 0,
    "transcript": 1,
    "formats": 2,
    "packing": 3,
    "exporting": 4,
    "output": 5,
    "sending": 5,
    "__init__": 6,
    "commands": 7,
    "__main__": 8,
}
# Floor of each module of the library, which uses what the data layer offers, and knows nothing of the assistant.
FLOORS_OF_LIBRARY = {
    "texts": 0,
    "markup": 0,
    "places": 1,
    "theme": 0,
    "asking": 0,
    "kinds": 0,
    "changing": 1,
    "address": 0,
    "selecting": 1,
    "undoing": 2,
    "working": 3,
    "resuming": 4,
    "exporting": 5,
    "merging": 2,
    "forms": 2,
    "totals": 1,
    "keeping": 1,
    "file_address": 0,
    "file_changes": 0,
    "file_pages": 7,
    "uploads": 0,
    "bringing": 1,
    "import_pages": 7,
    "tokens": 0,
    "token_pages": 7,
    "api": 8,
    "client": 0,
    "__main__": 11,
    "filing": 1,
    "listing": 1,
    "reading": 1,
    "rendering": 1,
    "telling": 3,
    "answering": 5,
    "pages": 6,
    "sharing": 7,
    "routes": 9,
    "__init__": 10,
}
MOST_ROOMS = 18
MODULE_LINES, FUNCTION_LINES = 400, 60


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name; that of a package without ``__init__``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, typing: bool = True) -> Iterator[str]:
    """Dotted names of the modules that ``path`` imports, and of what it imports from a package. ``typing``: also of
    what only the checker of types imports."""
    package = name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    tree = ast.parse(path.read_text())
    if not typing:
        tree.body = [
            node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def unit(module: str) -> str | None:
    """Which entry of FLOORS a dotted name of datalayer belongs to; None: none."""
    parts = module.split(".")
    if parts[0] != "datalayer":
        return None
    if len(parts) == 1:
        return "__init__"
    return ".".join(parts[1:3]) if parts[1] in ROOMS else parts[1]


def crossings() -> set[tuple[str, str]]:
    """(importer, imported) of all imports within datalayer."""
    found = set()
    for path in modules("datalayer"):
        importer = unit(name_of(path))
        for module in imports(path):
            imported = unit(module)
            if imported in FLOORS and imported not in (importer, "__init__"):
                found.add((importer or "", imported))
    return found


def test_every_module_of_the_data_layer_has_a_floor() -> None:
    assert {unit(name_of(path)) for path in modules("datalayer")} == set(FLOORS)


def test_an_import_goes_only_to_a_lower_floor_or_to_an_agreed_neighbour() -> None:
    upwards = {(a, b) for a, b in crossings() if FLOORS[b] >= FLOORS[a] and (a, b) not in SIDEWAYS}
    assert upwards == set()


def test_every_agreed_neighbour_is_on_the_same_floor_and_still_needed() -> None:
    assert {(a, b) for a, b in SIDEWAYS if FLOORS[a] != FLOORS[b]} == set()
    assert crossings() >= SIDEWAYS


def test_no_two_neighbours_import_each_other_even_by_a_detour() -> None:
    order: list[str] = []
    waiting = {a for pair in SIDEWAYS for a in pair}
    while ready := {a for a in waiting if not any(a == importer and b in waiting for importer, b in SIDEWAYS)}:
        order += sorted(ready)
        waiting -= ready
    assert waiting == set()


@pytest.mark.parametrize(("library", "rooms"), [("sqlalchemy", SQLALCHEMY), ("chainlit", CHAINLIT)])
def test_only_some_rooms_know_a_library(library: str, rooms: set[str]) -> None:
    """No row of SQLAlchemy's and no dict of Chainlit's is met elsewhere."""
    knowing = {
        (unit(name_of(p)) or "").split(".")[0]
        for p in modules("datalayer")
        for module in imports(p)
        if module.split(".")[0] == library
    }
    assert knowing == rooms


def room(module: str) -> str | None:
    """Which entry of ROOMS_OF_ASSISTANT a dotted name belongs to; None: none."""
    parts = module.split(".")
    if parts[0] != "assistant":
        return None
    names = (".".join(parts[1:3]), *parts[1:2], "__init__")
    return next(name for name in names if name in ROOMS_OF_ASSISTANT)


def test_the_assistant_has_few_rooms_and_each_a_floor() -> None:
    top = {path.stem for path in (ROOT / "assistant").iterdir() if path.name not in ("__pycache__", "py.typed")}
    assert top == {name.partition(".")[0] for name in ROOMS_OF_ASSISTANT}
    assert len(top) <= MOST_ROOMS


def test_an_import_of_the_assistant_goes_only_to_a_lower_floor() -> None:
    upwards = set()
    for path in modules("assistant"):
        above = room(name_of(path))
        for module in imports(path):
            below = room(module)
            if below not in (None, "__init__", above) and ROOMS_OF_ASSISTANT[below] >= ROOMS_OF_ASSISTANT[above]:
                upwards.add((name_of(path), module))
    assert upwards == set()


def test_no_two_modules_of_the_assistant_import_each_other_even_by_a_detour() -> None:
    known = {name_of(path) for path in modules("assistant")}
    graph = {
        name_of(path): set(imports(path, typing=False)) & known - {"assistant", name_of(path)}
        for path in modules("assistant")
        if path.name != "__init__.py"
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_only_the_screen_and_what_is_around_it_know_chainlit() -> None:
    found = {
        (name_of(path), module)
        for path in modules("assistant")
        if room(name_of(path)) not in KNOW_CHAINLIT
        for module in imports(path)
        if module.split(".")[0] == "chainlit"
    }
    assert found == set()


@pytest.mark.parametrize(
    ("package", "above"),
    [
        ("datalayer", {"exchange", "library", "assistant"}),
        ("exchange", {"library", "assistant", "chainlit"}),
        ("library", {"assistant"}),
        ("assistant", {"library"}),
    ],
)
def test_a_package_knows_nothing_of_those_above_it(package: str, above: set[str]) -> None:
    """Nor does the assistant of the library: app.py puts both together. What is exchanged needs no Chainlit."""
    found = {(name_of(p), module) for p in modules(package) for module in imports(p) if module.split(".")[0] in above}
    assert found == set()


@pytest.mark.parametrize(("package", "floors"), [("exchange", FLOORS_OF_EXCHANGE), ("library", FLOORS_OF_LIBRARY)])
def test_an_import_of_a_smaller_package_goes_only_to_a_lower_floor(package: str, floors: dict[str, int]) -> None:
    assert {path.relative_to(ROOT / package).with_suffix("").parts[0] for path in modules(package)} == set(floors)
    upwards = set()
    for path in modules(package):
        above = (*name_of(path).split(".")[1:], "__init__")[0]
        for module in imports(path):
            below = module.removeprefix(f"{package}.").partition(".")[0] if module.startswith(f"{package}.") else ""
            if below != above and floors.get(below, -1) >= floors[above]:
                upwards.add((name_of(path), module))
    assert upwards == set()


def offered(module: str) -> bool:
    """Whether the data layer offers what this dotted name names: in its ``__all__``, or in that of a module there."""
    place: Any = datalayer
    for name in module.split(".")[1:]:
        if name not in getattr(place, "__all__", vars(place)):
            return False
        place = getattr(place, name)
    return True


def test_an_app_uses_only_what_the_data_layer_offers() -> None:
    app = [ROOT / "app.py", *modules("exchange"), *modules("library"), *modules("assistant")]
    used = {(name_of(p), module) for p in app for module in imports(p)}
    assert {(by, module) for by, module in used if module.split(".")[0] == "datalayer" and not offered(module)} == set()
    assert {by for by, module in used if module.split(".")[0] == "sqlalchemy"} == set()


def test_what_the_data_layer_offers_is_there_and_needs_no_chainlit_but_for_itself() -> None:
    names = [name for name in datalayer.__all__ if name not in ("DataLayer", "door", "file_response")]
    code = f"import sys, datalayer; [getattr(datalayer, name) for name in {names}]; sys.exit('chainlit' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("package", ["datalayer", "exchange", "library", "assistant"])
def test_a_module_can_be_read_in_one_sitting(package: str) -> None:
    long = {name_of(p): n for p in modules(package) if (n := len(p.read_text().splitlines())) > MODULE_LINES}
    assert long == {}


@pytest.mark.parametrize("package", ["datalayer", "exchange", "library", "assistant"])
def test_a_function_fits_on_a_screen(package: str) -> None:
    long = {
        f"{name_of(path)}.{node.name}": size
        for path in modules(package)
        if "versions" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (size := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}

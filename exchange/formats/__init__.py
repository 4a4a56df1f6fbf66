"""The formats by their names: of a document, all threads are in one file; of pages, each has its own."""

from importlib.util import find_spec

from .base import Document, Pages
from .csv import Csv
from .html import Html
from .json import Json
from .jsonl import Jsonl
from .markdown import Markdown
from .pdf import Pdf

DOCUMENTS: dict[str, Document] = {"json": Json(), "jsonl": Jsonl(), "csv": Csv()}
PAGES: dict[str, Pages] = {"markdown": Markdown(), "html": Html(), "pdf": Pdf()}
FORMATS: dict[str, Document | Pages] = {**DOCUMENTS, **PAGES}


def missing(name: str) -> bool:
    """Whether what the format needs is not installed."""
    return name == "pdf" and find_spec("typst") is None

"""The formats by their names: of a document, all threads are in one file; of pages, each has its own."""

from .base import Document, Pages
from .csv import Csv
from .html import Html
from .json import Json
from .jsonl import Jsonl
from .markdown import Markdown

DOCUMENTS: dict[str, Document] = {"json": Json(), "jsonl": Jsonl(), "csv": Csv()}
PAGES: dict[str, Pages] = {"markdown": Markdown(), "html": Html()}
FORMATS: dict[str, Document | Pages] = {**DOCUMENTS, **PAGES}

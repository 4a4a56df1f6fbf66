"""The formats by their names: of a document, all threads are in one file; of pages, each has its own."""

from .base import Document, Pages
from .csv import Csv
from .html import Html
from .json import Json
from .jsonl import Jsonl
from .markdown import Markdown

FORMATS: dict[str, Document | Pages] = {
    "json": Json(),
    "jsonl": Jsonl(),
    "markdown": Markdown(),
    "html": Html(),
    "csv": Csv(),
}

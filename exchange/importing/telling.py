"""What a person is told of an import."""

from collections.abc import Iterator

from ..texts import Language, say
from .report import Report

_COUNTS = {
    "new": "import_new",
    "added": "import_added",
    "there": "import_there",
    "deleted": "import_deleted",
    "messages": "import_messages",
    "files": "import_files",
    "lost_files": "import_lost_files",
}


def told(report: Report, to: Language) -> list[str]:
    """Sentences, one a line; what stands below another is indented. Titles and names of files are in them as the export
    has them."""
    return list(_told(report, to))


def _told(report: Report, to: Language) -> Iterator[str]:
    if report.origin is None:
        yield say("import_unknown", to)
    else:
        if report.dry_run:
            yield say("import_dry", to)
        yield say("import_read", to, origin=report.origin, count=report.read)
        for name, key in _COUNTS.items():
            if (count := getattr(report, name)) or name == "new":
                yield "  " + say(key, to, count=count)
        for name, count in sorted(report.authors.items()):
            yield "  " + say("import_author", to, name=name or say("import_nobody", to), count=count)
    if report.skipped:
        yield say("import_skipped", to, count=report.skipped)
        for problem in report.problems:
            yield "  " + say("import_problem", to, place=problem.place.told(to), why=problem.why.told(to))
        if more := report.skipped - len(report.problems):
            yield "  " + say("import_more", to, count=more)
    if report.notes:
        yield say("import_notes", to)
        for note in report.notes.values():
            key = "import_note" if note.count == 1 else "import_note_more"
            yield "  " + say(key, to, why=note.why.told(to), count=note.count, place=note.places[0].told(to))

"""Files of open formats: OpenDocument, EPUB, e-mail."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

_NAMES = ["office", "text", "table", "draw", "presentation", "style", "manifest"]
_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{"drawing" if name == "draw" else name}:1.0"'
    for name in _NAMES
)


def archive(files: Mapping[str, str | bytes], mimetype: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        if mimetype:
            file.writestr("mimetype", mimetype, zipfile.ZIP_STORED)
        for name, content in files.items():
            file.writestr(name, content)
    return made.getvalue()


def opendocument(kind: str, body: str, manifest: str = "") -> bytes:
    """``kind``: text, spreadsheet or presentation."""
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES} office:version="1.2">'
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    listed = f"<manifest:manifest {_SPACES}>{manifest}</manifest:manifest>"
    files = {"content.xml": content, "META-INF/manifest.xml": listed}
    return archive(files, f"application/vnd.oasis.opendocument.{kind}")


def book(chapters: Sequence[str], contents: str = "", **more: str) -> bytes:
    """``chapters``: what stands in the body of each. ``contents``: the table of them, as EPUB 2 has it. ``more``: files
    in META-INF, without their ending."""
    items = "".join(
        f'<item id="c{n}" href="text/chapter%20{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    items += '<item id="toc" href="toc.ncx" media-type="application/x-dtbncx+xml"/>' if contents else ""
    order = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    pages = {
        f"OEBPS/text/chapter {n}.xhtml": '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>'
        f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>no</title></head><body>{body}</body></html>'
        for n, body in reversed(list(enumerate(chapters)))
    }
    return archive(
        {
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
            "OEBPS/book.opf": '<!DOCTYPE package PUBLIC "a" "https://example.org/a.dtd">'
            f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest>'
            f"<spine>{order}</spine></package>",
            **({"OEBPS/toc.ncx": contents} if contents else {}),
            **pages,
            **{f"META-INF/{name}.xml": content for name, content in more.items()},
        },
        "application/epub+zip",
    )


def mail(subject: str, text: str, page: str = "", attached: Mapping[str, bytes] = {}, charset: str = "utf-8") -> bytes:
    made = EmailMessage()
    made["From"], made["To"] = "Zoé <zoe@example.org>", "bob@example.org"
    made["Subject"] = subject
    if text:
        made.set_content(text, charset=charset)
    if page:
        if text:
            made.add_alternative(page, subtype="html")
        else:
            made.set_content(page, subtype="html")
    for name, content in attached.items():
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()

"""PDF files."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from fpdf import FPDF

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
"""Of Latin, Greek, Cyrillic, Arabic and Hebrew."""


def written(pages: Sequence[str], password: str | None = None) -> bytes:
    """With an entry of the outline for each page that begins with ``# ``."""
    made = FPDF()
    made.add_font("DejaVu", fname=FONT)
    made.set_font("DejaVu", size=12)
    made.set_text_shaping(False)
    for page in pages:
        made.add_page()
        title, _, rest = page.partition("\n") if page.startswith("# ") else ("", "", page)
        if title:
            made.start_section(title[2:])
            made.cell(text=title[2:], new_x="LMARGIN", new_y="NEXT")
        if rest:
            made.multi_cell(0, text=rest)
    if password:
        made.set_encryption(owner_password=password, user_password=password)
    return bytes(made.output())


def drawn(pages: int) -> bytes:
    """Lines without any text: as a scanner leaves them."""
    made = FPDF()
    for _ in range(pages):
        made.add_page()
        made.line(10, 10, 100, 100)
    return bytes(made.output())


def unembedded(text: str) -> bytes:
    """In a font that the reader has to have, as old files in Chinese and Japanese are: only a table says which
    character a glyph is."""
    glyphs = {character: number for number, character in enumerate(dict.fromkeys(text), 1)}
    table = "\n".join(f"<{n:04x}> <{c.encode('utf-16-be').hex()}>" for c, n in glyphs.items())
    shown = "".join(f"{glyphs[character]:04x}" for character in text)
    return _file(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        _stream(f"BT /F 12 Tf 50 700 Td <{shown}> Tj ET"),
        "<< /Type /Font /Subtype /Type0 /BaseFont /Some /Encoding /Identity-H"
        " /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Some /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity)"
        " /Supplement 0 >> /FontDescriptor 8 0 R /DW 1000 >>",
        _stream(
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
            "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
            f"{len(glyphs)} beginbfchar\n{table}\nendbfchar endcmap end end"
        ),
        "<< /Type /FontDescriptor /FontName /Some /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800"
        " /Descent -200 /CapHeight 700 /StemV 80 >>",
    )


def _stream(content: str) -> str:
    return f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"


def _file(*objects: str) -> bytes:
    made, starts = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(made))
        made += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    end = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
    )
    return made + f"{end}startxref\n{len(made)}\n%%EOF\n".encode()

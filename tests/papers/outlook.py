"""A message of Outlook, in a compound file as small as one can be: [MS-CFB], [MS-OXMSG]."""

from collections.abc import Mapping
from struct import pack

_END, _NONE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_SECTOR, _MINI = 512, 64


def message(values: Mapping[str, str | bytes], attached: tuple[str, ...] = ()) -> bytes:
    """``values``: by the number and kind of a property, such as ``0037001F``."""
    streams = {"__properties_version1.0": bytes(32)}
    streams |= {f"__substg1.0_{of}": _raw(value) for of, value in values.items()}
    for number, name in enumerate(attached):
        streams[f"__attach_version1.0_#{number:08X}/__substg1.0_3707001F"] = _raw(name)
    return compound(streams)


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-16-le")


def compound(streams: Mapping[str, bytes]) -> bytes:
    """``streams``: by their paths of one or two names, each below 4,096 bytes."""
    tree: dict[str, dict[str, bytes]] = {}
    for path, content in streams.items():
        folder, _, name = path.rpartition("/")
        tree.setdefault(folder, {})[name] = content
    mini, links, entries = b"", list[int](), [b""]

    def stream(name: str, content: bytes, right: int) -> bytes:
        nonlocal mini
        first, count = len(links), -(-len(content) // _MINI)
        links.extend([*range(first + 1, first + count), _END][:count])
        mini += content.ljust(count * _MINI, b"\0")
        return _entry(name, 2, right, _NONE, first if count else _END, len(content))

    def children(folder: str) -> int:
        """The place of the first, each with the next to its right."""
        named = [(name, content) for name, content in tree.get(folder, {}).items()]
        inner = [name for name in tree if name and not folder]
        begin, total = len(entries), len(named) + len(inner)
        entries.extend([b""] * total)
        for at, (name, content) in enumerate(named, begin):
            entries[at] = stream(name, content, at + 1 if at + 1 < begin + total else _NONE)
        for at, name in enumerate(inner, begin + len(named)):
            entries[at] = _entry(name, 1, at + 1 if at + 1 < begin + total else _NONE, children(name), 0, 0)
        return begin if total else _NONE

    first = children("")
    sizes = [-(-size // _SECTOR) for size in (128 * len(entries), 4 * len(links), len(mini))]
    starts = [sum(sizes[:n]) for n in range(4)]
    entries[0] = _entry("Root Entry", 5, _NONE, first, starts[2], len(mini))
    fat = [link for n in range(3) for link in (*range(starts[n] + 1, starts[n] + sizes[n]), _END)] + [_FAT]
    assert len(fat) <= _SECTOR // 4
    parts = (b"".join(entries), pack(f"<{len(links)}I", *links), mini, pack(f"<{len(fat)}I", *fat))
    padded = [part.ljust(size * _SECTOR, b"\xff") for part, size in zip(parts, [*sizes, 1], strict=True)]
    return _header(starts, sizes) + b"".join(padded)


def _header(starts: list[int], sizes: list[int]) -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += pack("<9I", 0, 1, starts[0], 0, 4096, starts[1], sizes[1], _END, 0)
    return head + pack("<109I", starts[3], *[_NONE] * 108)


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    wide = name.encode("utf-16-le")
    return wide.ljust(64, b"\0") + pack("<HBB3I36xIQ", len(wide) + 2, kind, 1, _NONE, right, child, start, size)

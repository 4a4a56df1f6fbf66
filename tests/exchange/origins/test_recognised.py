"""Each product's exports are told by what stands in them, whatever they are called, and by one reader only."""

import shutil
from pathlib import Path

import pytest

from exchange.origins import ORIGINS
from tests.exchange.origins.exports import recognised, samples, written


def test_one_reader_recognises_each_export_whatever_its_name(tmp_path: Path) -> None:
    found = samples(tmp_path)
    assert {name: recognised(path, ORIGINS) for name, (_, path) in found.items()} == {
        name: [origin] for name, (origin, _) in found.items()
    }
    for name, (origin, path) in found.items():
        other = shutil.copy(path, tmp_path / f"download of {len(name)}.bin")
        assert recognised(Path(other), ORIGINS) == [origin], name


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        "[]",
        "{}",
        "[1, null, {}]",
        b"\xff\xfe\x00",
        "<html><body><div class='outer-cell'>YouTube</div></body></html>",
        [{"header": "YouTube", "title": "Watched a bird", "time": "2026-09-21T14:13:20Z", "products": ["YouTube"]}],
        [{"id": "1", "mapping": {}, "title": "chatgpt"}],
        {"messages": [{"role": "user", "content": "training data of others"}]},
        {"format": "threadkeep.threads", "version": 1, "threads": []},
        "id,name\n1,2",
    ],
)
def test_what_comes_from_elsewhere_is_left_alone(tmp_path: Path, content: object) -> None:
    assert recognised(written(tmp_path / "conversations.json", content)) == []

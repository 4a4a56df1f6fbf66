"""Which pages may show a file of a user: those of this site, and of the origins that ``allow_origins`` names."""

import pytest
from chainlit.config import config
from starlette.datastructures import Headers

from datalayer.door.headers import of_a_file


@pytest.mark.parametrize(
    ("allowed", "given", "policy"),
    [
        (["https://shop.example"], {"origin": "https://shop.example"}, "cross-origin"),
        (["https://shop.example"], {"referer": "https://shop.example/cart?x=1"}, "cross-origin"),
        (["https://shop.example"], {"referer": "https://shop.example.evil/cart"}, "same-origin"),
        (
            ["https://shop.example"],
            {"origin": "https://evil.example", "referer": "https://shop.example/"},
            "same-origin",
        ),
        (["https://shop.example"], {}, "same-origin"),
        ([], {"origin": "https://shop.example"}, "same-origin"),
        (["*"], {}, "cross-origin"),
    ],
)
def test_a_page_of_another_site_shows_a_file_only_where_it_is_let_in(
    monkeypatch: pytest.MonkeyPatch, allowed: list[str], given: dict[str, str], policy: str
) -> None:
    monkeypatch.setattr(config.project, "allow_origins", allowed)
    sent = of_a_file(Headers(given))
    assert sent["Cross-Origin-Resource-Policy"] == policy
    assert "sandbox" in sent["Content-Security-Policy"]

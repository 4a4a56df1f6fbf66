"""Which models are offered, and who serves them."""

import asyncio

import pytest

from assistant.models import ModelInfo, ModelUnavailable, Providers
from assistant.models.providers import DEFAULT_MODEL
from assistant.screen.panel import widgets
from assistant.settings import Settings
from tests.assistant.models.scripted import Scripted


class Counting(Scripted):
    """``fail``: what it answers instead of its models."""

    def __init__(self, provider: str, *offered: str) -> None:
        super().__init__(provider, *offered)
        self.asked = 0
        self.fail: Exception | None = None
        self.hold = asyncio.Event()
        self.hold.set()

    async def models(self) -> list[ModelInfo]:
        self.asked += 1
        await self.hold.wait()
        if self.fail:
            raise self.fail
        return await super().models()


def names(providers: Providers) -> list[str]:
    return [info.name for info in providers.offered()]


async def test_a_model_that_was_pulled_later_appears(monkeypatch: pytest.MonkeyPatch) -> None:
    local = Counting("openai", "llama")
    providers = Providers([local])
    await providers.refresh(30)
    local.offered = ("llama", "qwen")
    await providers.refresh(30)
    assert names(providers) == ["llama"]
    monkeypatch.setattr("assistant.models.providers._ASK_AGAIN", 0.0)
    await providers.refresh(30)
    assert (names(providers), local.asked) == (["llama", "qwen"], 2)


async def test_a_list_that_cannot_be_had_again_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    local = Counting("openai", "llama")
    providers = Providers([local])
    monkeypatch.setattr("assistant.models.providers._ASK_AGAIN", 0.0)
    await providers.refresh(30)
    local.fail = ModelUnavailable("503")
    await providers.refresh(30)
    assert (names(providers), local.asked) == (["llama"], 2)


@pytest.mark.parametrize(
    ("offered", "default"),
    [
        (("gpt-4-0613", "gpt-3.5-turbo", "o3", "gpt-5-mini"), "gpt-5-mini"),
        (("gpt-4-0613", "gpt-4o-2024-08-06", "gpt-4o"), "gpt-4o"),
        (("x/experimental:free", "openai/gpt-5-mini", "a/b"), "openai/gpt-5-mini"),
        (("gpt-4-0613",), "gpt-4-0613"),
    ],
)
async def test_the_default_is_a_sensible_one(offered: tuple[str, ...], default: str) -> None:
    providers = Providers([Scripted("openai", *offered)])
    await providers.refresh(30)
    assert providers.default == default


async def test_they_are_asked_once_and_each_name_is_offered_once() -> None:
    google, local = Counting("gemini", "gemini-3", "shared"), Counting("openai", "shared", "llama")
    providers = Providers([google, local])
    for _ in range(3):
        await providers.refresh(30)
    assert (google.asked, local.asked) == (1, 1)
    assert names(providers) == ["gemini-3", "shared", "llama"]
    for name, expected in (("shared", google), ("llama", local), ("gemini-3", google)):
        choice = providers.find(name)
        assert choice is not None
        assert choice.provider is expected


async def test_many_pages_that_open_at_once_ask_once() -> None:
    model = Counting("gemini", "gemini-3")
    providers = Providers([model])
    await asyncio.gather(*(providers.refresh(30) for _ in range(20)))
    assert model.asked == 1


async def test_a_page_does_not_wait_for_a_provider_that_is_slow() -> None:
    model = Counting("gemini", "gemini-3")
    model.hold.clear()
    providers = Providers([model])
    await providers.refresh(0)
    assert DEFAULT_MODEL in names(providers)
    model.hold.set()
    await providers.refresh(30)
    assert names(providers) == ["gemini-3"]
    assert model.asked == 1


async def test_one_that_fails_leaves_the_fixed_list_and_is_not_asked_for_every_page() -> None:
    model = Counting("gemini")
    model.fail = ModelUnavailable("503")
    providers = Providers([model])
    await providers.refresh(30)
    await providers.refresh(30)
    assert model.asked == 1
    assert DEFAULT_MODEL in names(providers)


async def test_no_model_of_a_provider_without_a_key_is_offered() -> None:
    local = Counting("openai")
    local.fail = ModelUnavailable("404")
    providers = Providers([local])
    await providers.refresh(30)
    assert "gpt-4o-mini" in names(providers)
    assert not any(name.startswith("gemini") for name in names(providers))
    assert providers.default in names(providers)


async def test_the_default_is_the_configured_one_else_flash_else_the_first() -> None:
    local = Scripted("openai", "llama", "qwen")
    providers = Providers([local])
    await providers.refresh(30)
    assert providers.default == "llama"
    assert Providers([local], default="qwen").default == "qwen"
    assert Providers([Scripted("gemini")]).default == Providers().default == DEFAULT_MODEL


async def test_configured_names_are_offered_although_nobody_lists_them() -> None:
    providers = Providers([Scripted("gemini")], default="gemini-x", fallbacks=("llama",))
    assert {"gemini-x", "llama"} <= set(names(providers))


@pytest.mark.parametrize(
    ("name", "provider"),
    [("gemini-9", "gemini"), ("models/gemini-9", "gemini"), ("llama", "openai"), ("claude-9", "anthropic")],
)
def test_an_unknown_name_goes_to_who_could_have_it(name: str, provider: str) -> None:
    choice = Providers([Scripted("gemini"), Scripted("openai"), Scripted("anthropic")]).find(name)
    assert choice is not None
    assert choice.key == (provider, name)


@pytest.mark.parametrize("name", ["gemma3:4b", "gemma-3", "google/gemini-9", "gemini:latest"])
async def test_what_may_be_a_model_of_ones_own_is_not_asked_of_google(name: str) -> None:
    local = Counting("openai", "llama")
    local.fail = ModelUnavailable("503")
    providers = Providers([Counting("gemini", "gemini-3"), local])
    await providers.refresh(30)
    choice = providers.find(name)
    assert choice is not None
    assert choice.provider is local
    assert Providers([Counting("gemini", "gemini-3")]).find("llama3:8b") is None


async def test_gemma_is_googles_where_no_other_provider_has_it() -> None:
    providers = Providers([Counting("gemini", "gemini-3"), Counting("openai", "llama")])
    await providers.refresh(30)
    choice = providers.find("gemma-3-27b-it")
    assert choice is not None
    assert choice.key == ("gemini", "gemma-3-27b-it")


def test_without_a_provider_nobody_answers() -> None:
    assert Providers().find(DEFAULT_MODEL) is None
    assert list(Providers().chain(DEFAULT_MODEL)) == []


def test_a_window_is_the_models_own_else_the_configured_one_else_that_of_its_family() -> None:
    providers = Providers()
    assert providers.window(ModelInfo("llama", "llama", 4096)) == 4096
    assert providers.window(ModelInfo("gpt-4o-mini", "")) == 128_000
    assert providers.window(ModelInfo("llama", "")) == 8192
    assert Providers(window=32_000).window(ModelInfo("llama", "")) == 32_000


def test_settings_take_what_is_offered_or_was_chosen_before() -> None:
    offered = [ModelInfo("a", "A"), ModelInfo("b", "B")]
    chosen = Settings(model="old")
    assert chosen.changed({"model": "b"}, offered) == (Settings(model="b"), [])
    assert chosen.changed({"model": "old", "temperature": 1.0}, offered) == (Settings(model="old", temperature=1), [])
    assert chosen.changed({"model": "c", "temperature": 1.0}, offered) == (
        Settings(model="old", temperature=1),
        ["model"],
    )
    assert chosen.changed({"model": "offline"}, offered)[1] == []


def test_the_panel_shows_a_model_that_is_no_longer_offered_and_tells_twins_apart() -> None:
    offered = [ModelInfo("a", "Same"), ModelInfo("b", "Same")]
    [select, *_] = widgets(Settings(model="old"), "en", offered)
    assert select.to_dict()["items"] == [
        {"label": "Same", "value": "a"},
        {"label": "b", "value": "b"},
        {"label": "old", "value": "old"},
        {"label": "Offline (no model)", "value": "offline"},
    ]

"""The documentation says what is there."""

from docs.generate import PAGE, data_model


def test_the_data_model_is_that_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == data_model(), "out of date: make docs"

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from graphc.errors import ArgumentError
from graphc.settings import Settings, read_settings, settings_table


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_every_switch_is_read_from_its_variable() -> None:
    settings = read_settings(
        {
            "GRAPHC_SHOW": "graph, source",
            "GRAPHC_CHECK": "1",
            "GRAPHC_JIT": "off",
            "GRAPHC_BACKEND": "reference",
            "GRAPHC_THREADS": "3",
            "GRAPHC_KEEP": "~/kept",
            "GRAPHC_CACHE": "no",
            "GRAPHC_CACHE_DIR": "/somewhere",
        }
    )
    assert settings == Settings(
        show=("graph", "source"), check=True, jit=False, backend="reference", threads=3,
        keep=Path("~/kept").expanduser(), cache=False, cache_dir=Path("/somewhere"),
    )  # fmt: skip
    assert all(getattr(settings, entry.name) != getattr(Settings(), entry.name) for entry in fields(Settings))


@pytest.mark.parametrize("text", ["1", "true", "Yes", "ON"])
def test_a_switch_is_on_for_any_word_for_yes(text: str) -> None:
    assert read_settings({"GRAPHC_CHECK": text}).check


@pytest.mark.parametrize("text", ["", "0", "False", "no", "off"])
def test_a_switch_is_off_for_any_word_for_no(text: str) -> None:
    assert not read_settings({"GRAPHC_JIT": text}).jit


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("GRAPHC_SHOW", "graph,nonsense", "'nonsense' is not one of graph, rules"),
        ("GRAPHC_JIT", "perhaps", "'perhaps' is neither"),
        ("GRAPHC_BACKEND", "abacus", "'abacus' is not one of cpu, reference"),
    ],
)
def test_a_wrong_value_names_variable_and_choices(variable: str, text: str, expected: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        read_settings({variable: text})
    assert str(caught.value).startswith(f"{variable}: ")
    assert expected in str(caught.value)


def test_the_table_has_a_line_for_every_switch() -> None:
    table = settings_table()
    assert len(table) == len(fields(Settings))
    assert {variable for variable, default, _ in table if default == "none"} == {"GRAPHC_SHOW", "GRAPHC_KEEP"}
    assert all(variable.startswith("GRAPHC_") and default and meaning for variable, default, meaning in table)

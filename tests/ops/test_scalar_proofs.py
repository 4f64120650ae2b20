"""Every partial is the derivative of its row's definition; a wrong one is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from graphc.check.rows import prove_row
from graphc.errors import CheckFailed
from graphc.ops.scalar_row import ScalarOperation
from tests.ops.row_code import ROWS, name_of

COLUMNS = ("partials", "pushes")
MUTANTS = [
    pytest.param(row, column, number, id=f"{row.name}-{number}")
    for row in ROWS
    for column in COLUMNS
    for number, rule in enumerate(getattr(row, column))
    if rule is not None
]


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_the_partials_are_proved(row: ScalarOperation) -> None:
    proofs = prove_row(row)
    if (row.partials or row.pushes) and row.rule != "select":
        assert len(proofs) == row.arity


@pytest.mark.parametrize(("row", "column", "number"), MUTANTS)
def test_a_doubled_partial_is_caught(row: ScalarOperation, column: str, number: int) -> None:
    rules = list(getattr(row, column))
    rules[number] = _doubled(rules[number])
    mutant = dataclasses.replace(row, **{column: tuple(rules)})
    with pytest.raises(CheckFailed, match=row.name.replace("[", r"\[")):
        prove_row(mutant)


def _doubled(rule: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: 2.0 * rule(*arguments)


def test_most_proofs_are_symbolic() -> None:
    methods = [proof.method for row in ROWS for proof in prove_row(row)]
    assert methods.count("symbolic") > 0.6 * len(methods)


def test_a_partial_left_out_is_caught() -> None:
    (sine,) = (row for row in ROWS if row.name == "sin")
    with pytest.raises(CheckFailed, match="sin"):
        prove_row(dataclasses.replace(sine, partials=()))

from __future__ import annotations

import inspect
import pickle

import pytest

from graphc import errors
from graphc.errors import GraphcError

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, GraphcError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_shows_message_origin_and_remedy(kind: type[GraphcError]) -> None:
    error = kind("sizes 3 and 4 differ", remedy="make them equal", origin="model.py:7")
    assert str(error) == "sizes 3 and 4 differ\n  at model.py:7\n  remedy: make them equal"
    assert (error.message, error.remedy, error.origin) == ("sizes 3 and 4 differ", "make them equal", "model.py:7")
    assert str(kind("alone", remedy=None)) == "alone"


def test_a_fault_of_graphc_asks_for_a_report() -> None:
    assert str(errors.InternalError("no text for Loop")).endswith(
        "remedy: please report it with the program that shows it"
    )


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_errors_survive_another_process(kind: type[GraphcError]) -> None:
    error = pickle.loads(pickle.dumps(kind("message", remedy="remedy", origin="model.py:7")))
    assert type(error) is kind
    assert (error.message, error.remedy, error.origin) == ("message", "remedy", "model.py:7")
    assert str(error) == "message\n  at model.py:7\n  remedy: remedy"


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.ShapeError, ValueError),
        (errors.DTypeError, TypeError),
        (errors.ArgumentError, TypeError),
        (errors.TruthValueError, TypeError),
        (errors.UnsupportedError, NotImplementedError),
        (errors.BackendMissing, ImportError),
        (errors.CheckFailed, AssertionError),
        (errors.NonFiniteError, FloatingPointError),
    ],
)
def test_errors_are_caught_as_the_builtin_they_resemble(kind: type[GraphcError], builtin: type[Exception]) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_says_what_it_means(kind: type[GraphcError]) -> None:
    assert kind.__doc__

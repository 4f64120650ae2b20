from __future__ import annotations

import math
import re
import subprocess
import sys

import pytest

import graphc
from graphc.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_eval_prints_value_gradients_and_the_flow_of_both(capsys) -> None:
    code, out, err = run(capsys, "eval", "x*(y**2 + z)", "x=1", "y=2", "z=3")
    assert (code, err) == (0, "")
    assert out.splitlines()[:4] == ["x*(y**2 + z) = 7", "d/dx = 7", "d/dy = 4", "d/dz = 1"]
    rows = [re.split(r"\s{2,}", line) for line in out.splitlines()[5:]]
    assert rows[0] == ["node", "formula", "value", "local derivatives", "adjoint"]
    assert ["v2", "v1 + z", "7", "d/dv1 = 1, d/dz = 1", "1"] in rows
    assert ["v3", "x * v2", "7", "d/dx = 7, d/dv2 = 1", "1"] in rows


def test_eval_shows_the_lecture_example(capsys) -> None:
    _, out, _ = run(capsys, "eval", "(x1 + x2)*x3 - x4", "x1=5", "x2=4", "x3=3", "x4=2")
    assert "= 25" in out.splitlines()[0]
    assert [line.split(" = ")[1] for line in out.splitlines()[1:5]] == ["3", "3", "9", "-1"]


def test_eval_takes_lists(capsys) -> None:
    code, out, _ = run(capsys, "eval", "sum(x*x)", "x=[1, 2, 3]")
    assert code == 0
    assert "= 14" in out
    assert "d/dx = [2., 4., 6.]" in out


def test_eval_of_a_condition_has_no_gradient(capsys) -> None:
    code, out, _ = run(capsys, "eval", "x < y", "x=1", "y=2")
    assert code == 0
    assert out.splitlines()[0] == "x < y = True"
    assert "d/dx" not in out.splitlines()[1]


def test_names_that_look_like_the_tables_are_kept_apart(capsys) -> None:
    _, out, _ = run(capsys, "eval", "sin(v1)*v2", "v1=1", "v2=2")
    assert f"d/dv1 = {2 * math.cos(1):.8g}" in out
    assert "v3" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval", "x*y", "x=1"], "no value for y"),
        (["eval", "x", "x=1", "q=2"], "the expression has no q"),
        (["eval", "x", "x"], "'x' is not name=value"),
        (["eval", "x", "x=one"], "'one' is no value for x"),
        (["eval", "x", "x=1", "x=2"], "x is given twice"),
        (["eval", "x +", "x=1"], "invalid syntax"),
        (["eval", "__import__('os')"], "only graphc's own functions can be called"),
        (["eval", "x + y", "x=[1,2]", "y=[1,2,3]"], "do not broadcast"),
        (["check", "x.real"], "Attribute has no meaning here"),
    ],
)
def test_wrong_input_is_one_message_and_code_2(capsys, arguments: list[str], message: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("graphc: ")
    assert message in err
    assert "Traceback" not in err


def test_check_reports_agreement(capsys) -> None:
    code, out, _ = run(capsys, "check", "x*sin(y)")
    assert code == 0
    assert "gradients agree" in out


def test_show_prints_graph_gradient_and_source(capsys) -> None:
    code, out, _ = run(capsys, "show", "x*sin(y)")
    assert code == 0
    assert "multiply" in out
    assert "text, column 1" in out
    assert "d/dx = sin(y)" in out
    assert "def kernel(x, y):" in out
    assert "cos(y)" in out.split("def kernel")[1], "the code shown computes the gradient too"


@pytest.mark.parametrize("text", ["x < y", "2*3", "-x**2"])
def test_show_takes_any_expression(capsys, text: str) -> None:
    code, out, err = run(capsys, "show", text)
    assert (code, err) == (0, "")
    assert "def kernel(" in out


def test_an_expression_may_begin_with_a_minus(capsys) -> None:
    code, out, _ = run(capsys, "eval", "-x**2", "x=3")
    assert code == 0
    assert out.startswith("-x**2 = -9\nd/dx = -6\n")
    assert "only graphc's own" in run(capsys, "eval", "-f(x)", "x=3")[2]


def test_values_are_optional(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["eval"])
    assert "required: expression\n" in capsys.readouterr().err


def test_check_where_there_is_no_value_says_so(capsys) -> None:
    code, out, err = run(capsys, "check", "log(x)*sqrt(y)", "x=-1", "y=2")
    assert (code, out) == (2, "")
    assert "check: no finite value at this point: log(x)*sqrt(y) is nan at x = -1, y = 2\n" in err


def test_doctor_names_what_graphc_runs_on(capsys) -> None:
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    for fact in ("python", "numba", "llvmlite", "processor", "BLAS", "threading", "cuda", "cache"):
        assert re.search(rf"^{fact} +\S", out, re.MULTILINE), fact


def test_the_cache_is_described_and_emptied(capsys) -> None:
    run(capsys, "show", "x*sin(y) + 0.125")
    assert re.search(r"^kernels +[1-9]", run(capsys, "cache", "info")[1], re.MULTILINE)
    assert re.match(r"removed [1-9]\d* kernels", run(capsys, "cache", "clear")[1])
    assert re.search(r"^kernels +0$", run(capsys, "cache", "info")[1], re.MULTILINE)


@pytest.mark.parametrize("module", ["graphc", "graphc.cli"])
def test_the_module_runs_as_a_program(module: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", module, "eval", "x**2", "x=3"], capture_output=True, text=True, check=True
    )
    assert finished.stdout.startswith("x**2 = 9\nd/dx = 6\n")


def test_no_command_is_a_usage_error(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: graphc" in capsys.readouterr().err


def test_version_is_the_packages(capsys) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"graphc {graphc.__version__}\n"

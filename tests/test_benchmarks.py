"""The benchmark suite computes the right values: at tiny sizes, without timing."""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphc
from benchmarks import driver, random_numbers
from benchmarks.common import TOLERANCE, Call, Effort, Workload, measure, relative_error
from benchmarks.peers import PEERS, graphc_peer, numba_peer, numpy_peer
from benchmarks.report import comparison, render_tables
from benchmarks.run import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent
MODULES = {"graphc": graphc_peer, "numpy": numpy_peer, "numba": numba_peer}
CASES = [(name, peer) for name in WORKLOADS for peer, module in MODULES.items() if hasattr(module, name)]


def workload(name: str) -> Workload:
    found: Workload = importlib.import_module(f"benchmarks.{name}").WORKLOAD
    return found


@pytest.mark.parametrize(("name", "peer"), CASES)
def test_every_way_gives_the_values_of_the_hand_written_adjoint(name: str, peer: str) -> None:
    family = workload(name)
    problem = family.make(family.tiny)
    expected = family.expected(problem)
    for way, make in getattr(MODULES[peer], name)(problem).items():
        quantity = way.partition(":")[0]
        assert relative_error(make()(), expected[quantity]) <= TOLERANCE[family.dtype], way


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_is_named_as_its_module_and_graphc_does_it(name: str) -> None:
    family = workload(name)
    assert family.name == name
    assert set(family.quick) <= set(family.sizes)
    assert hasattr(graphc_peer, name)


def test_wrong_values_and_nan_are_seen() -> None:
    expected = (np.float64(2.0), np.array([1e-6, 2e-6]))
    assert relative_error((2.0, [1e-6, 2e-6]), expected) == 0.0
    assert relative_error({"value": 2.0, "gradient": np.array([1e-6, 2.1e-6])}, expected) > 0.01
    assert relative_error((np.nan, [1e-6, 2e-6]), expected) == np.inf
    with pytest.raises(ValueError, match="3 numbers expected, got 1"):
        relative_error(2.0, expected)


def test_a_call_is_timed_as_a_user_writes_it() -> None:
    seen: list[tuple[int, int]] = []

    class Owner:
        def method(self, first: int, *, second: int) -> None:
            seen.append((first, second))

    timing = measure(Call(Owner(), (1,), {"second": 2}, steps=4, method="method"), Effort(1e-4, 3, 0.1))
    assert 0 < timing.best <= timing.median
    assert set(seen) == {(1, 2)}


def test_a_command_prints_records() -> None:
    command = [sys.executable, "-m", "benchmarks.a_small_calls", "--peer", "numpy", "--size", "f3", "--quick"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    (record,) = map(json.loads, lines)
    assert record["status"] == "ok"
    assert record["threads"] == 1
    assert 0 < record["best_us"] <= record["median_us"]


def record(peer: str, best: float) -> dict[str, object]:
    return {
        "workload": "a_small_calls", "size": "f3", "peer": peer, "threads": 1, "quantity": "value_and_grad",
        "variant": "", "versions": {}, "status": "ok", "best_us": best, "median_us": best,
        "compile_s": 0.1, "rss_MB": 10.0,
    }  # fmt: skip


def test_the_report_compares_with_the_best_rival_and_keeps_losses() -> None:
    records = [record("graphc", 2.0), record("numba", 0.5), record("jax", 8.0), record("casadi", 1.0)]
    (row,) = comparison(records)
    assert (row.rival, row.ratio) == ("casadi", 0.5)
    assert (row.by_hand, row.ratio_by_hand) == ("numba", 0.25)
    text = render_tables(records)
    assert "| jax |" in text
    both = [{**record(peer, time), "quantity": quantity} for peer, time in (("graphc", 2.0), ("jax", 8.0))
            for quantity in ("value", "value_and_grad")]  # fmt: skip
    both[0]["best_us"] = 0.8
    assert "| a_small_calls f3, value_and_grad | graphc | 0.8 | 2 | 2.5 |" in render_tables(both)
    late = {name: value for name, value in record("torch", 0.0).items() if not name.endswith("_us")}
    assert "timed out" in render_tables([*records, {**late, "status": "timed out after 5 s"}])


def test_peers_are_named_once_and_exist() -> None:
    for name, peer in PEERS.items():
        assert (ROOT / "benchmarks" / "peers" / f"{peer.module}.py").exists(), name


def test_proposals_for_gamma_numbers_are_rejected_as_often_as_the_integral_says() -> None:
    key = graphc.symbol("key", dtype="uint64")
    missed = np.isnan(graphc.compile(random_numbers.proposal(key), [key])(7)).mean()
    chance = random_numbers.rejected(2.5)
    assert abs(missed - chance) < 5 * np.sqrt(chance / random_numbers.SIZE)


def test_what_ended_badly_hides_no_measurement_of_another_way(monkeypatch) -> None:
    timed = {"quantity": "value_and_grad", "variant": "", "status": "ok", "best_us": 1.0}
    monkeypatch.setattr(driver, "start_worker", lambda *_: ([timed], "timed out after 1 s"))
    options = argparse.Namespace(threads=1)
    found = list(driver.measure_peer(workload("f_recurrent"), "T=10", PEERS["graphc"], options))
    assert [(each["variant"], each["status"]) for each in found] == [("", "ok"), ("another way", "timed out after 1 s")]

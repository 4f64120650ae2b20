"""The disk cache: used by a second process, and nothing that happens to its files makes a call fail."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import graphc as gx
from graphc.backends import cache, cpu
from graphc.errors import CacheWarning

CALL = """
import warnings, graphc as gx
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    x = gx.symbol("x")
    function = gx.compile(gx.sin(x) * x)
    print(function(2.0), function.cache_hits, sum(w.category.__name__ == "CacheWarning" for w in caught), len(caught))
"""
VALUE = float(np.sin(2.0) * 2.0)


@pytest.fixture
def call(run_python, tmp_path):
    """Return a function that calls a compiled function in a new process: (value, hits, cache warnings, warnings)."""

    def run(folder=tmp_path, **variables):
        value, *counts = run_python(CALL, GRAPHC_CACHE_DIR=str(folder), **variables).split()
        assert float(value) == pytest.approx(VALUE, rel=1e-15)
        return tuple(int(count) for count in counts)

    return run


@pytest.fixture
def in_tmp(tmp_path, monkeypatch):
    """Return the folder of a cache of this test's own, in a process that remembers no kernel."""
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    forget()
    return tmp_path


def forget():
    """Forget every kernel of this process, as a new process would."""
    cpu._compiled.clear()
    for name in [name for name in sys.modules if name.startswith(cache.PREFIX)]:
        del sys.modules[name]


def adding(number):
    """Return a function that adds a number."""
    x = gx.symbol("x")
    return gx.compile(x + number)


def test_a_second_process_compiles_nothing_whatever_the_hash_seed(call):
    assert call(PYTHONHASHSEED="1") == (0, 0, 0)
    assert call(PYTHONHASHSEED="2") == (1, 0, 0)


def test_with_the_cache_off_nothing_is_written(call, tmp_path):
    assert call(GRAPHC_CACHE="0") == (0, 0, 0)
    assert list(tmp_path.iterdir()) == []


def files(folder, suffix):
    """Return the one file with a suffix in a cache."""
    (path,) = folder.rglob(f"*{suffix}")
    return path


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("content", [b"", b"foreign", None], ids=["empty", "foreign", "truncated"])
def test_damaged_compiled_files_are_compiled_again_with_one_warning(in_tmp, suffix, content):
    assert adding(1.5)(1.0) == 2.5
    path = files(in_tmp, suffix)
    path.write_bytes(path.read_bytes()[:-7] if content is None else content)
    forget()
    with pytest.warns(CacheWarning, match="damaged"):
        assert adding(1.5)(1.0) == 2.5
    forget()
    again = adding(1.5)
    assert again(1.0) == 2.5
    assert again.cache_hits == 1


@pytest.mark.parametrize("content", ["", "[1]", "{not json", "{}"])
def test_damaged_checksums_mean_compiling_again(in_tmp, content):
    adding(1.5)(1.0)
    files(in_tmp, ".sums").write_text(content)
    forget()
    with pytest.warns(CacheWarning):
        assert adding(1.5)(1.0) == 2.5


@pytest.mark.parametrize("content", [b"", b"raise SystemExit(1)", b"\xff\xfe\x00"])
def test_a_damaged_source_is_written_again(in_tmp, content):
    adding(1.5)(1.0)
    files(in_tmp, ".py").write_bytes(content)
    forget()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        assert adding(1.5)(1.0) == 2.5


@pytest.mark.parametrize("name", ["file", "file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_used_costs_one_warning_and_no_result(tmp_path, monkeypatch, name):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / name))
    cache._warned.clear()
    forget()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in (2.5, 3.5):
            assert adding(number)(1.0) == 1 + number
    assert [warning.category for warning in caught] == [CacheWarning]
    assert name in str(caught[0].message)


def test_eight_processes_compile_the_same_function_at_once(tmp_path):
    environment = {**os.environ, "GRAPHC_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", CALL]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    printed = [process.communicate(timeout=300)[0].split() for process in running]
    assert [process.returncode for process in running] == [0] * 8
    assert {values[0] for values in printed} == {repr(VALUE)}
    assert sorted(int(values[1]) for values in printed) == [0] + [1] * 7
    assert {values[3] for values in printed} == {"0"}


def test_a_process_killed_while_it_compiles_blocks_nobody(tmp_path, call):
    environment = {**os.environ, "GRAPHC_CACHE_DIR": str(tmp_path)}
    victim = subprocess.Popen([sys.executable, "-c", CALL], env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*.py")) and time.monotonic() < deadline:
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    _hits, damaged, warned = call()
    assert damaged == warned <= 1
    assert call() == (1, 0, 0)


def test_locks_do_not_pile_up(in_tmp):
    names = [cache.module_name(str(number), "") for number in range(2000)]
    for name in names:
        with cache.entry(name, ""):
            pass
    assert len(list(in_tmp.glob("*.lock"))) <= 256


def test_equal_graphs_are_compiled_once_in_a_process():
    adding(1.5)(1.0)
    count = len(cpu._compiled)
    for _ in range(50):
        assert adding(1.5)(1.0) == 2.5
    assert len(cpu._compiled) == count


@pytest.mark.slow
def test_a_thousand_equal_compilations_need_little_memory(run_python):
    text = """
import resource, graphc as gx
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
x = gx.symbol("x")
def one(): gx.compile(gx.sin(x) * x)(1.0)
for _ in range(50): one()
before = peak()
for _ in range(1000): one()
print(peak() - before)
"""
    assert float(run_python(text)) < 20


def test_clearing_while_others_compile_makes_no_call_fail(in_tmp):
    done = threading.Event()

    def clear_again_and_again():
        while not done.is_set():
            cache.clear()

    clearing = threading.Thread(target=clear_again_and_again)
    clearing.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CacheWarning)
            for number in range(4):
                assert adding(number + 0.5)(1.0) == number + 1.5
    finally:
        done.set()
        clearing.join()


def test_clear_removes_every_kernel_and_says_how_many(in_tmp):
    for number in range(3):
        adding(number + 0.5)(1.0)
    assert cache.info()[1] == 3
    assert cache.clear() == 3
    assert [path.suffix for path in in_tmp.rglob("kernel_*")] == [".lock"] * len(list(in_tmp.glob("*.lock")))


def test_the_folder_of_a_cache_is_its_owners_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "new"))
    assert cache.directory().stat().st_mode & 0o077 == 0

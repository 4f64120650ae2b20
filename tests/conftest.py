"""What every test shares: a kernel cache of its own, and no GRAPHC_* switch from outside."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable

import hypothesis
import pytest

if "PYTEST_XDIST_WORKER" not in os.environ:
    for _variable in [name for name in os.environ if name.startswith("GRAPHC_")]:
        del os.environ[_variable]
    os.environ["GRAPHC_CACHE_DIR"] = tempfile.mkdtemp(prefix="graphc-tests-")
    atexit.register(shutil.rmtree, os.environ["GRAPHC_CACHE_DIR"], ignore_errors=True)

hypothesis.settings.register_profile("graphc", deadline=None, print_blob=True)
hypothesis.settings.load_profile("graphc")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that rewrites the golden texts."""
    parser.addoption("--update-golden", action="store_true", help="write the texts in tests/golden anew")


@pytest.fixture(scope="session")
def run_python() -> Callable[..., str]:
    """Return a function that runs Python text in a new process and returns what it printed."""

    def run(text: str, *arguments: object, timeout: float = 300, **variables: str) -> str:
        finished = subprocess.run(
            [sys.executable, "-W", "error", "-c", text, *(str(argument) for argument in arguments)],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run

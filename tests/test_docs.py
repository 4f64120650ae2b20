"""What the documentation shows is what happens."""

from __future__ import annotations

import doctest
import importlib
import importlib.metadata
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import graphc
from tests import docs_runner
from tests.docs_runner import FLAGS, PAGES, ROOT, blocks_of, mismatches, renewed, tables_restored
from tests.test_architecture import BELOW

MODULES = [
    graphc,
    *(importlib.import_module(entry.name) for entry in pkgutil.walk_packages(graphc.__path__, "graphc.")),
]


WITH_CODE = [
    page for page in PAGES if re.search("^```(python|console)", page.read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_prints_what_it_says(page: Path, tmp_path) -> None:
    """In a process of its own: symbols that other tests keep alive have the origins of these."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.docs_runner", "--check", str(page)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    remedy = "to write what is printed now: python -m tests.docs_runner"
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}\n{remedy}"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_hold(module: ModuleType, capsys) -> None:
    with tables_restored():
        failed, _ = doctest.testmod(module, optionflags=FLAGS)
    assert not failed, capsys.readouterr().out


PUBLIC = {
    f"{space.__name__}.{name}": getattr(space, name)
    for space in (graphc, graphc.linalg, graphc.random, graphc.tree)
    for name in space.__all__
}
NAMED_ONCE = {id(value): name for name, value in reversed(PUBLIC.items())}


def needs_an_example(value: object) -> bool:
    """Tell whether a public name is a function or class: not a namespace, an error, or a tuple of results."""
    return callable(value) and not (isinstance(value, type) and issubclass(value, (Exception, tuple)))


@pytest.mark.parametrize("name", [name for name in NAMED_ONCE.values() if needs_an_example(PUBLIC[name])])
def test_a_public_function_has_an_example(name: str) -> None:
    assert ">>> " in (PUBLIC[name].__doc__ or "")


IN_MODULES = {test.docstring for module in MODULES for test in doctest.DocTestFinder(exclude_empty=True).find(module)}


@pytest.mark.parametrize("name", [name for name in NAMED_ONCE.values() if PUBLIC[name].__doc__ not in IN_MODULES])
def test_the_examples_of_functions_made_from_rows_hold(name: str, capsys) -> None:
    """Doctest does not find them: no module defines them."""
    test = doctest.DocTestParser().get_doctest(PUBLIC[name].__doc__, {}, name, None, None)
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test)
    assert test.examples
    assert not failed, capsys.readouterr().out


def test_rows_are_among_the_public_functions() -> None:
    assert graphc.sin.__doc__ not in IN_MODULES
    assert graphc.relu.__doc__ in IN_MODULES


@pytest.mark.parametrize("name", [name for name in NAMED_ONCE.values() if inspect.isfunction(PUBLIC[name])])
def test_a_public_function_says_what_its_arguments_are(name: str) -> None:
    function = PUBLIC[name]
    words = set(re.findall(r"\w+", inspect.getdoc(function) or ""))
    missing = set(inspect.signature(function).parameters) - words
    assert not missing, f"the docstring of {name} does not name {sorted(missing)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page: Path) -> None:
    for name in re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists() or (ROOT / "graphc" / name).exists(), f"{page.name} names {name}"


def test_the_page_on_architecture_describes_every_floor_and_what_it_may_import() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^|]+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    said = {floor.removesuffix(".py").rstrip("/"): set(re.findall(r"`(\w+)`", text)) for floor, text in rows}
    common = {"settings", "errors"}
    assert {floor: said[floor] for floor in BELOW} == {floor: below - common for floor, below in BELOW.items()}
    for folder in (path.parent for path in (ROOT / "graphc").rglob("__init__.py") if path.parent.name != "graphc"):
        assert f"`{folder.relative_to(ROOT / 'graphc')}/`" in page


def test_the_commands_of_the_readme_name_extras_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    extras = importlib.metadata.metadata("graphc").get_all("Provides-Extra") or []
    commands = [line for block in blocks_of(text) if block.kind == "bash" for line in block.body.splitlines()]
    assert len(commands) == 2
    for command, extra, last in zip(commands, ("demo", "test"), ("graphc demo", "pytest -q -n auto"), strict=True):
        assert f'".[{extra}]"' in command
        assert extra in extras
        assert command.endswith(last)


PAGE = """
```python
print(1 + 1)
print("2.5 ms")
```

```text
{output}
... ms
```

```python
>>> 2 * 3
{product}
```

```python quoted
{quotation}
```

```bash
nobody runs this
```
"""
RIGHT = {"output": "2", "product": "6", "quotation": "FAILED, WRONG_INPUT = 1, 2"}


@pytest.mark.parametrize("wrong", [{}, {"output": "3"}, {"product": "7"}, {"quotation": "FAILED = 3"}])
def test_a_page_that_says_something_else_is_found(wrong: dict[str, str]) -> None:
    found = mismatches(PAGE.format(**{**RIGHT, **wrong}))
    assert len(found) == len(wrong)
    assert all(value in str(found[0]) for value in wrong.values())


def test_a_command_that_prints_something_else_is_found() -> None:
    page = '```console\n$ graphc eval "x*x" x=3\nx*x = {}\nd/dx = 6\n...\n```\n'
    assert not mismatches(page.format(9))
    assert len(mismatches(page.format(8))) == 1


def test_outputs_are_written_anew() -> None:
    page = PAGE.format(**{**RIGHT, "output": "3"})
    assert renewed(page) == PAGE.format(**RIGHT)
    assert not mismatches(renewed(page))


def test_code_of_a_page_that_fails_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        mismatches("```python\n1 / 0\n```\n")


def test_operations_a_page_defines_are_gone_afterwards() -> None:
    assert not mismatches('```python\nimport graphc as gx\ngx.defop("of_a_page", "x**3")\n```\n')
    assert "of_a_page" not in docs_runner.OPERATIONS

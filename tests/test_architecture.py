"""Folders are floors: imports go down only, stand at the top of a file, and cost little."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import graphc

PACKAGE = Path(graphc.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)

BELOW = {
    "errors": set(),
    "settings": {"errors"},
    "graph": {"settings", "errors"},
    "ops": {"settings", "errors", "graph"},
    "expression_parser": {"errors", "graph", "ops"},
    "batching": {"errors", "graph", "ops"},
    "autodiff": {"settings", "errors", "graph", "ops", "batching"},
    "rewrite": {"settings", "errors", "graph", "ops"},
    "kernel": {"settings", "errors", "graph", "ops", "autodiff", "rewrite"},
    "backends": {"settings", "errors", "graph", "ops", "autodiff", "rewrite", "kernel"},
    "compiler": {"settings", "errors", "graph", "ops", "batching", "autodiff", "rewrite", "kernel", "backends"},
    "check": {"settings", "errors", "graph", "ops", "autodiff", "rewrite", "backends", "compiler"},
    "inspect": {"settings", "errors", "graph", "ops", "autodiff", "rewrite", "kernel", "backends", "compiler"},
}  # fmt: skip
"""What each floor may import besides itself; `cli`, `demo` and the package itself stand on top of all."""
TOP = {"cli", "demo", "__init__", "__main__"}

OWNERS = {
    "numba": {"backends"},
    "llvmlite": {"backends"},
    "sympy": {"check"},
    "mpmath": {"check"},
    "scipy": {"backends", "check"},
    "sklearn": set(),
    "tqdm": set(),
    "matplotlib": set(),
}
"""The floors that import a package at the top of a file."""

LATE_IMPORTS = {
    ("__init__", "__getattr__"): {"importlib", "graphc.check", "graphc.backends"},
    ("compiler", ""): {"graphc.check", "graphc.check.derivatives", "graphc.backends"},
    ("cli", ""): {"graphc.check", "graphc.backends", "graphc.compiler", "graphc.inspect", "graphc.demo"},
    ("demo", ""): {"sklearn", "sklearn.datasets", "sklearn.model_selection", "tqdm", "matplotlib", "graphc.check"},
}
"""The imports allowed inside a function, by floor and function ("" for any): what costs time or may be missing."""


def floor_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the modules an import statement names; names that are submodules count as these."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, "relative imports hide the floor they go to"
    module = node.module or ""
    below = [f"{module}.{alias.name}" for alias in node.names if f"{module}.{alias.name}" in MODULES]
    return below or [module]


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield (module, enclosing function or "", line) of each import that runs."""
    stack: list[tuple[ast.AST, str]] = [(ast.parse(path.read_text()), "")]
    while stack:
        node, function = stack.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((name, function, node.lineno) for name in imported(node))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = function or node.name
        if not is_type_checking(node):
            stack.extend((child, function) for child in ast.iter_child_nodes(node))


MODULES = {module_of(path): path for path in FILES}


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 30
    assert {floor_of(path) for path in FILES} <= set(BELOW) | TOP


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_the_floors(path: Path) -> None:
    floor = floor_of(path)
    if floor in TOP:
        return
    for module, function, line in imports(path):
        if module.startswith("graphc.") and not function:
            target = module.split(".")[1]
            assert target == floor or target in BELOW[floor], f"{path}:{line}: {floor} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_have_one_owner(path: Path) -> None:
    for module, function, line in imports(path):
        owners = OWNERS.get(module.split(".")[0])
        if owners is not None and not function:
            assert floor_of(path) in owners, f"{path}:{line}: imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_inside_functions_are_the_listed_ones(path: Path) -> None:
    floor = floor_of(path)
    for module, function, line in imports(path):
        if function:
            allowed = LATE_IMPORTS.get((floor, function), set()) | LATE_IMPORTS.get((floor, ""), set())
            assert any(module == name or module.startswith(f"{name}.") for name in allowed), f"{path}:{line}: {module}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    edges = {
        name: {module for module, function, _ in imports(path) if module in MODULES and not function}
        for name, path in MODULES.items()
    }
    while edges:
        free = {name for name, targets in edges.items() if not targets & edges.keys()}
        assert free, f"import cycle among {sorted(edges)}"
        edges = {name: targets for name, targets in edges.items() if name not in free}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= (320 if path != PACKAGE / "__init__.py" else 420), "a list of names may be longer"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
            assert (node.end_lineno or 0) - first.lineno < 50, f"{path}:{node.lineno}: {node.name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text()
    for word in ("TODO", "FIXME", "XXX", "except: pass"):
        assert word not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            assert not all(isinstance(statement, ast.Pass) for statement in node.body), f"{path}:{node.lineno}"


def test_importing_graphc_loads_nothing_heavy(run_python) -> None:
    heavy = ("numba", "llvmlite", "sympy", "mpmath", "scipy.special", "scipy.linalg", "sklearn", "matplotlib")
    loaded = run_python("import sys, graphc; print(*sys.modules)").split()
    assert not set(heavy) & set(loaded)


def test_every_public_name_has_a_docstring() -> None:
    names = [name for name in getattr(graphc, "__all__", dir(graphc)) if not name.startswith("_")]
    missing = [name for name in names if not inspect.getdoc(getattr(graphc, name))]
    assert not missing


def test_every_module_imports_and_has_a_docstring() -> None:
    for entry in pkgutil.walk_packages([str(PACKAGE)], "graphc."):
        assert importlib.import_module(entry.name).__doc__, entry.name

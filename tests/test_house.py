"""The house itself: no circle between files, no file too long, no folder too full."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
LINES, MODULES = 400, 15


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs, function bodies too, but not what only a type checker reads."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in {getattr(node.test, "id", ""), getattr(node.test, "attr", "")}:
        for other in node.orelse:
            yield from running(other)
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from running(child)


def imported(tree: ast.AST, known: frozenset[str]) -> Iterator[str]:
    for node in running(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            for each in node.names:
                module = f"{node.module}.{each.name}"
                name = module if module in known else str(node.module)
                if name in known:
                    yield name


def import_graph() -> dict[str, set[str]]:
    files = {module_name(path): path for path in python_files("src")}
    known = frozenset(files)
    return {name: {*imported(ast.parse(path.read_text()), known)} - {name} for name, path in files.items()}


def test_no_circle_between_files() -> None:
    graph = import_graph()
    assert sum(map(len, graph.values())) > len(graph)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError("a circle: " + " <- ".join(error.args[1])) from None


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files("src", "tests")}
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}


def test_folders_are_not_full() -> None:
    folders = Counter(path.parent for path in python_files("src", "tests") if path.name != "__init__.py")
    assert {str(folder): count for folder, count in folders.items() if count > MODULES} == {}

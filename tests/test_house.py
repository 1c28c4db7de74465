"""The house itself: no circle between files, no file too long, no folder too full, no test that races the clock."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
LINES, MODULES = 400, 15
CLOCKS = ("monotonic", "perf_counter", "process_time", "thread_time", "time")
MEASURED = {
    "tests/faces/ssh/test_starving.py": "processor time that others spend, where a fault costs many seconds of it",
}
"""Where a test asks for less than so many seconds all the same, and why no busy machine can fail it."""
SHORT = re.compile(
    r"\b(?:set)?timeout\(\d(?:\.\d+)?\)|\b(?:wait_for|eventually|until)\(.*, (?:seconds=)?\d(?:\.\d+)?\)"
)
SILENT = {
    "tests/faces/ssh/test_starving.py": 2,
    "tests/faces/web/attacks/test_wire.py": 1,
    "tests/services/net/test_tls_transport.py": 1,
}
"""Where tests wait for a moment that nothing comes, how often: a slow machine makes that no fault."""


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


def tells(node: ast.AST, measured: set[str]) -> bool:
    """Whether an expression is, or has in it, what a clock measured."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id in measured:
            return True
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub):
            calls = [part.func for part in ast.walk(each) if isinstance(part, ast.Call)]
            if any(getattr(call, "attr", getattr(call, "id", "")) in CLOCKS for call in calls):
                return True
    return False


def took(tree: ast.AST) -> set[str]:
    """Return the names of what clocks measured, and of lists of it."""
    measured: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value) if tells(value, measured):
                measured |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value]):
                measured |= {name} if tells(value, measured) else set()
    return measured


def bounded_above(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of assertions that something took less than so many seconds."""
    measured = took(tree)
    asserted = [each for node in ast.walk(tree) if isinstance(node, ast.Assert) for each in ast.walk(node.test)]
    for compared in asserted:
        if isinstance(compared, ast.Compare):
            sides = [compared.left, *compared.comparators]
            for left, operator, right in zip(sides, compared.ops, sides[1:], strict=False):
                small = {ast.Lt: left, ast.LtE: left, ast.Gt: right, ast.GtE: right}.get(type(operator))
                if small is not None and tells(small, measured):
                    yield compared.lineno


def test_no_test_asks_how_fast_the_machine_is() -> None:
    """A busy machine is no fault of the code; how long things take is measured in bench/."""
    said = "begun = monotonic()\ntook = monotonic() - begun\nassert 0.1 < took\nassert took < 5\nassert 5 >= took"
    assert [*bounded_above(ast.parse(said))] == [4, 5]
    found = []
    for path in python_files("tests"):
        name, text = str(path.relative_to(ROOT)), path.read_text()
        if any(clock in text for clock in CLOCKS[:-1]) or "time.time()" in text:
            found += [f"{name}:{line}" for line in bounded_above(ast.parse(text)) if name not in MEASURED]
        if len(short := SHORT.findall(text)) != SILENT.get(name, 0):
            found += [f"{name}: {each}" for each in short]
    assert found == [], "assert what happens, in which order or how often, and wait for it a minute"

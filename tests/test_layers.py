"""The rules of the house, checked on the source: which file may import what, and how large things may get."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "interleave"
FILES = sorted(PACKAGE.rglob("*.py"))

#: First match wins. Imports point to a lower layer, or stay within a layer's package.
LAYERS = [
    ("errors", 0), ("outcome", 0), ("model", 0.1), ("result", 0.2), ("vector_clock", 0),
    ("strategies", 1), ("detectors", 1), ("schedule", 1), ("shrink", 1), ("arguments", 1),
    ("classes", 1), ("estimate", 1.1),
    ("runtime", 2),
    ("primitives", 3), ("event_loop", 3.1), ("instrument", 3),
    ("expressions", 3.9), ("recording", 4.0), ("witnessing", 4.05),
    ("execution", 4.1), ("watchdog", 4.15), ("isolation", 4.16), ("repetition", 4.2), ("control", 4.2), ("runner", 4.3),
    ("race_search", 4.35), ("findings", 4.4), ("gil", 4.45), ("continuation", 4.4), ("exploration", 4.5), ("explore", 4.55),
    ("together", 4.6), ("recall", 4.6),
    ("report", 5.0), ("loading", 5.0), ("database", 5.0), ("configuration", 5.0), ("debugging", 5.0), ("muffling", 5.0),
    ("cli", 5.1), ("pytest_plugin", 5.1), ("pytest_suite", 5.2),
    ("__init__", 6), ("__main__", 6),
]  # fmt: skip

#: Library to the only places that may import it.
LIBRARIES = {
    "greenlet": ("runtime/kernel.py",),
    "networkx": ("detectors/",),
    "bytecode": ("instrument/",),
    "pytest": ("pytest_plugin.py", "pytest_suite.py"),
    "click": ("cli/",),
    "rich": ("report/", "cli/"),
    "jinja2": ("report/html.py",),
}

#: What layers 0 and 1 must not touch: threads, input and output, clocks, other processes.
IMPURE = {
    "threading", "_thread", "queue", "asyncio", "concurrent", "multiprocessing", "subprocess", "socket", "select", "signal",
    "time", "datetime", "os", "io", "sys", "pathlib", "shutil", "tempfile", "logging", "greenlet", "gc",
}  # fmt: skip

FILE_LINES = 400
CLASS_LINES = 250
FUNCTION_LINES = 60
PARAMETERS = 6
OPTIONS = 18
#: Of code, for the whole package. Imports do not count, so that nobody keeps two things in one file to save them.
PACKAGE_LINES = 18_000


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(module: str) -> str:
    """Return the file or folder directly below the package that a module belongs to."""
    return [*module.split("."), "__init__"][1]


def layer_of(part: str) -> float:
    layers = dict(LAYERS)
    assert part in layers, f"give {part!r} a layer, in the design and here"
    return layers[part]


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Yield each imported module with its line and whether it is for the type checker only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            assert node.module is not None
            for alias in node.names:
                is_module = node.module == "interleave" and (PACKAGE / f"{alias.name}.py").exists()
                is_package = node.module == "interleave" and (PACKAGE / alias.name).is_dir()
                yield f"interleave.{alias.name}" if is_module or is_package else node.module, node.lineno, id(node) in typing_only


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_point_down(path: Path) -> None:
    part = relative(path).split("/")[0].removesuffix(".py")
    layer = layer_of(part)
    for module, line, typing_only in imports(path):
        if module.split(".")[0] != "interleave":
            continue
        target = part_of(module)
        assert target != "__init__", f"{path}:{line}: nobody imports the package root"
        allowed = target == part or layer_of(target) < layer or (typing_only and int(layer_of(target)) <= layer)
        assert allowed, f"{path}:{line}: {part} (layer {layer}) imports {target} (layer {layer_of(target)})"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_libraries_stay_where_they_belong(path: Path) -> None:
    for module, line, _ in imports(path):
        places = LIBRARIES.get(module.split(".")[0])
        if places is not None:
            assert relative(path).startswith(places), f"{path}:{line}: {module} may be imported in {', '.join(places)} only"


@pytest.mark.parametrize("path", [path for path in FILES if layer_of(relative(path).split("/")[0].removesuffix(".py")) < 2], ids=relative)
def test_judgement_is_pure(path: Path) -> None:
    impure = [f"{path}:{line}: {module}" for module, line, _ in imports(path) if module.split(".")[0] in IMPURE]
    assert not impure, f"layers 0 and 1 touch no threads, I/O or clock: {impure}"


def test_only_one_execution_imports_the_kernel() -> None:
    users = {relative(path) for path in FILES for module, _, _ in imports(path) if module == "interleave.runtime.kernel"}
    assert {user for user in users if not user.startswith("runtime/")} <= {"execution.py", "recording.py"}


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_sizes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES, f"{path} is longer than {FILE_LINES} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            assert _lines(node) <= CLASS_LINES, f"{path}:{node.lineno}: class {node.name} is longer than {CLASS_LINES} lines"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert _lines(node) <= FUNCTION_LINES, f"{path}:{node.lineno}: {node.name} is longer than {FUNCTION_LINES} lines"
            positional = [one.arg for one in node.args.posonlyargs + node.args.args if one.arg not in ("self", "cls")]
            # The seventh field of a plain value class is not a seventh thing to know at a call.
            is_value = node.name == "__init__" and path.name == "model.py"
            assert is_value or len(positional) <= PARAMETERS, f"{path}:{node.lineno}: {node.name} has more than {PARAMETERS} parameters"
            assert len(node.args.kwonlyargs) <= OPTIONS, f"{path}:{node.lineno}: {node.name} has more than {OPTIONS} options"


def _lines(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_whole_package_stays_small() -> None:
    assert sum(map(code_lines, FILES)) < PACKAGE_LINES


def code_lines(path: Path) -> int:
    """Count the lines that hold code: not blank ones, comments, docstrings and imports."""
    text = path.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    passed_over = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    held = {line for token in tokens if token.type not in passed_over for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if is_text or isinstance(node, ast.Import | ast.ImportFrom):
            held -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(held)


def test_rules_would_notice() -> None:
    """The checks above read imports inside functions and under TYPE_CHECKING too."""
    found = {module for module, _, _ in imports(PACKAGE / "cli" / "exploring.py")}
    assert {"click", "interleave.database", "interleave.report.text", "interleave.muffling", "interleave.loading"} <= found
    assert layer_of("model") < layer_of("strategies") < layer_of("runtime") < layer_of("explore") < layer_of("cli")

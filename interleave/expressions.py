"""What the source calls a container whose item an instruction reads or writes: the variable, or an attribute of one.

Most objects are called by the attribute that they were read from. A list that only local variables hold has no such name; its reader knows
it by the variable in `source[0]`. The instruction's columns lead to the expression.
"""

from __future__ import annotations

import ast
import linecache
import sys

from interleave.model import Site


def container_at(site: Site) -> str:
    """Return the name of the container that an instruction works on, empty where the source does not tell."""
    try:
        node = _container(ast.parse(f"({_text_at(site)}\n)", mode="eval").body)
    except (SyntaxError, ValueError):
        return ""
    name = ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
    return name if name != "self" else ""


def _text_at(site: Site) -> str:
    """Return the source of the expression that an instruction belongs to."""
    lines = linecache.getlines(site.file) if site.file != "<string>" else []
    if site.span is None or not 0 < site.span[0] <= site.span[1] <= len(lines):
        return ""
    first, last, start, end = site.span
    # Columns count bytes.
    part = [line.encode() for line in lines[first - 1 : last]]
    part[-1] = part[-1][:end]
    part[0] = part[0][start:]
    return b"".join(part).decode(errors="replace")


def _container(node: ast.expr) -> ast.expr | None:
    """Return the part of an expression that is the container: what has the item or the method, or is given to a function."""
    if isinstance(node, ast.Subscript):
        return node.value
    if isinstance(node, ast.Compare):
        return node.comparators[-1] if isinstance(node.ops[-1], (ast.In, ast.NotIn)) else None
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Attribute):
            return node.args[0] if len(node.args) == 1 else None
        # `bisect.insort(xs, x)` is no method.
        return next(iter(node.args), None) if ast.unparse(node.func.value) in sys.modules else node.func.value
    return node

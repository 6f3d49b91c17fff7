"""What a project says about exploring it: the table `[tool.interleave]` of its pyproject.toml.

    [tool.interleave]
    include = ["cachetools", "urllib3.*"]

`include` holds for the command line and for pytest; more can be added by `--include`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from interleave.errors import UsageError

_KNOWN = ("include",)


def configured(folder: Path) -> dict[str, Any]:
    """Return the options of the project that a folder belongs to, as arguments of `explore`; empty if it has none.

    The project's file is the first pyproject.toml in the folder or above it. Raises UsageError if its table cannot be used.
    """
    file = next((path / "pyproject.toml" for path in (folder, *folder.parents) if (path / "pyproject.toml").is_file()), None)
    if file is None:
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("interleave", {})
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    unknown = sorted(table.keys() - set(_KNOWN))
    if unknown:
        raise UsageError(f"[tool.interleave] of {file} has no option {unknown[0]!r}; there are: {', '.join(_KNOWN)}")
    include = table.get("include", [])
    if not isinstance(include, list) or not all(isinstance(name, str) for name in include):
        raise UsageError(f"include in [tool.interleave] of {file} is a list of names of modules, not {include!r}")
    return {"include": tuple(include)} if include else {}

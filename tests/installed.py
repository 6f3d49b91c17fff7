"""Modules that are installed, as against those of the program under test."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest


@contextmanager
def installed(folder: Path, name: str, source: str) -> Iterator[ModuleType]:
    """Write a module to where packages are installed, in a folder of the caller's, and import it."""
    packages = folder / "site-packages"
    packages.mkdir()
    (packages / f"{name}.py").write_text(source, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(packages)
        patch.delitem(sys.modules, name, raising=False)
        yield importlib.import_module(name)

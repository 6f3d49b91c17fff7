"""What Markdown pages promise: their programs, and their commands with what these print.

A ```python block whose first line is `# name.py` is a file of that name. A ```console block holds commands, after `$ `, each with its
output: `...` stands for any text, on a line of its own for any lines. SEED stands for the last seed printed before.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    text: str
    output: str


def blocks(text: str, language: str) -> list[str]:
    return [body for name, body in _BLOCK.findall(text) if name == language]


def programs_of(text: str) -> dict[str, str]:
    """Return the programs of a page by the names of their files."""
    programs = {}
    for block in blocks(text, "python"):
        first, _, rest = block.partition("\n")
        name = re.fullmatch(r"# (\w+\.py)", first)
        assert name, f"a program without a name: {first!r}"
        programs[name[1]] = rest
    return programs


def commands_of(text: str) -> list[Command]:
    """Return the commands of a page or a part of it, with their expected output."""
    commands = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            commands.append(Command(command, output))
    return commands


def pattern_of(output: str) -> re.Pattern[str]:
    """Turn expected output with `...` into a pattern for the whole of it."""
    lines = [r"(?:[^\n]*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", r"[^\n]*") + r"\n" for line in output.splitlines()]
    return re.compile("".join(lines))


def check_commands(commands: Sequence[Command], folder: Path) -> None:
    """Run commands in order in a folder, and compare what they print; those of make are left out."""
    seed = ""
    for command in commands:
        if command.text.startswith("make "):
            continue
        assert seed or "SEED" not in command.text
        output = run(command.text.replace("SEED", seed), folder)
        assert pattern_of(command.output).fullmatch(output), f"$ {command.text}\n{output}"
        seeds = re.findall(r"\bil\d+-[\w-]+", output)
        seed = seeds[-1] if seeds else seed


def run(command: str, folder: Path) -> str:
    """Run a command in a folder and return what it printed."""
    words = shlex.split(command)
    programs = {"python": [sys.executable], "pytest": [sys.executable, "-m", "pytest"]}
    words = [*programs[words[0]], *words[1:]]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    env |= {
        "COLUMNS": "100",
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), f"$ {command}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, f"$ {command}\n{done.stderr}"
    return done.stdout

"""What the commands share: options, how targets become scenarios, and how a mistake becomes a message."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from interleave.arguments import CHOICES, seed_options
from interleave.errors import InterleaveError, ReplayMismatch
from interleave.report import FORMATS

if TYPE_CHECKING:
    from interleave.loading import Scenario


@contextlib.contextmanager
def explained_errors() -> Iterator[None]:
    """Turn errors of ours into a message and exit status 2."""
    try:
        yield
    except BrokenPipeError:
        # Whoever reads has seen enough (`head`). What is still in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except OSError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except InterleaveError as error:
        first, *rest = str(error).splitlines() or [type(error).__name__]
        where = f" (at {error.where})" if isinstance(error, ReplayMismatch) and error.where and error.where not in str(error) else ""
        click.echo(f"Error: {first}{where}", err=True)
        for line in rest:
            click.echo(f"  {line}", err=True)
        sys.exit(2)


def file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that write the results to files."""
    for name, (_, text) in reversed(FORMATS.items()):
        kind = click.Path(dir_okay=False, allow_dash=True)
        end = "; - for standard output, and nothing else there." if name == "json" else "."
        command = click.option(f"--{name}", type=kind, metavar="FILE", help=f"{text}{end}")(command)
    return command


def choices(**defaults: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options with a few values, some with another default than usual."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for name, (values, text, _) in reversed(CHOICES.items()):
            default = defaults.get(name, values[0])
            kind = click.Choice(values)
            command = click.option(f"--{name.replace('_', '-')}", type=kind, default=default, show_default=True, help=text)(command)
        return command

    return decorate


def included(given: Sequence[str]) -> tuple[str, ...]:
    """Return what is in scope besides the user's own code: what the project says, and the command line."""
    from interleave.configuration import configured

    return tuple(dict.fromkeys([*configured(Path.cwd()).get("include", ()), *given]))


def scenarios_of(targets: Sequence[str]) -> list[Scenario]:
    from interleave.loading import find_scenarios

    return [scenario for target in targets for scenario in find_scenarios(target)]


def replay_command_of(target: str, options: Mapping[str, Any]) -> Callable[[str], str]:
    """Make the function that tells how to replay a seed with the options that it depends on."""
    # What `replay` does anyway.
    extra = seed_options({**options, "races": "report"} if options["races"] == "harmful" else options)
    python = _python()
    return lambda seed: shlex.join([python, "-m", "interleave", "replay", target, seed, *extra])


def _python() -> str:
    """Return what to type for this interpreter: its name where the shell would find it, else its path."""
    import shutil

    from interleave.report.source import short_path

    for name in ("python", "python3"):
        if shutil.which(name) == sys.executable:
            return name
    return short_path(sys.executable)


def is_debugged() -> bool:
    """Tell whether a debugger such as those of VS Code and PyCharm runs in this process."""
    return "debugpy" in sys.modules or "pydevd" in sys.modules

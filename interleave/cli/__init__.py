"""The command line: `python -m interleave explore targets.cache`.

Each command finds its scenarios (`loading`), hands them to the engine and has a reporter write what it found. What a user can
do wrong ends as one sentence and exit status 2; failures found are status 1, and 0 means that nothing failed.

`explore` and `replay` run with a fixed hash seed, because the order of a set of strings is part of a program's behaviour: where
PYTHONHASHSEED is not set, the process replaces itself by one in which it is 0. The engine is imported by the commands that
need it, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from interleave.cli.exploring import explore
from interleave.cli.options import explained_errors, is_debugged, scenarios_of
from interleave.cli.replaying import replay

#: Commands that run the program under test, and so need a fixed hash seed.
_RUNNING: Final = ("explore", "replay")

_EXAMPLES: Final = """
\b
Examples:
  python -m interleave explore targets.cache                every scenario of a module
  python -m interleave explore tests/races.py::scenario_put one function of a file
  python -m interleave explore targets.cache --seconds 60 --strategy pct
  python -m interleave explore targets.cache --include cachetools --json report.json
  python -m interleave list targets.cache                   what there is to explore
  python -m interleave replay targets.cache:scenario_put SEED --pdb
\b
A scenario is a function without parameters that does what a test would do: build its own state, start
threads, join them, assert. It is marked with @interleave.scenario or named scenario*.
\b
Exit status: 0 nothing failed, 1 failures found, 2 the command could not be carried out.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    if arguments is None:
        _fix_hash_seed()
    # A terminal that cannot show a character of a report must not cost the report.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    cli.main(args=None if arguments is None else list(arguments), prog_name="python -m interleave")


def _fix_hash_seed() -> None:
    """Start this process anew with a fixed hash seed, if it has a random one and will run programs."""
    if not any(argument in _RUNNING for argument in sys.argv[1:2]) or sys.flags.ignore_environment:
        return
    if os.environ.get("PYTHONHASHSEED", "random") != "random":
        return
    if is_debugged():
        # The debugger is connected to this process: another one would be lost to it.
        click.echo("The hash seed is random under a debugger; set PYTHONHASHSEED=0 for an order of sets that is always the same.", err=True)
        return
    os.environ["PYTHONHASHSEED"] = "0"
    command = [sys.executable, *sys.orig_argv[1:]]
    if os.name == "nt":
        # There `exec` returns to the shell at once, while the new process still runs.
        import subprocess

        sys.exit(subprocess.call(command))
    os.execv(sys.executable, command)


@click.group(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="interleave", message="%(prog)s %(version)s", prog_name="interleave")
def cli() -> None:
    """Find the thread interleaving that breaks your program, explain it, and replay it.

    TARGET is a module (targets.cache), a function in one (targets.cache:scenario_put), a file (path/to/races.py) or a function
    in one (path/to/races.py::scenario_put).
    """


@cli.command("list")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
def list_scenarios(targets: Sequence[str]) -> None:
    """List the scenarios of the TARGETs, each with the first line of its docstring."""
    with explained_errors():
        for scenario in scenarios_of(targets):
            click.echo(f"{scenario.target}  {scenario.summary}".rstrip())


cli.add_command(explore)
cli.add_command(replay)

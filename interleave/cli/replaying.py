"""The command `replay`."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from interleave.arguments import of_seeds
from interleave.cli.options import choices, explained_errors, included, replay_command_of, scenarios_of
from interleave.errors import UsageError
from interleave.muffling import Muffler

_REPLAY_EPILOG: Final = """
\b
Examples:
  python -m interleave replay targets.cache:scenario_put SEED
  python -m interleave replay targets.cache:scenario_put SEED --trace   every step, not only those that matter
  python -m interleave replay targets.cache:scenario_put SEED --pdb     the debugger at the failure
  python -m interleave replay targets.cache:scenario_put SEED --step 12 the debugger at a step
\b
Give --include, --timeouts, --task-order and --granularity as they were when the seed was found; the command printed with it has them.
"""


@click.command(epilog=_REPLAY_EPILOG)
@click.argument("target", metavar="TARGET:SCENARIO")
@click.argument("seed")
@click.option("--pdb", is_flag=True, help="Start the debugger where it fails, or in the thread that is blocked.")
@click.option("--step", type=click.IntRange(min=0), metavar="N", help="Start the debugger at step N, as --trace numbers them.")
@click.option("--trace", is_flag=True, help="Print every step.")
@click.option("--lenient", is_flag=True, help="Follow what still matches if the code has changed since.")
@click.option("--include", multiple=True, metavar="PACKAGE", help="As in explore.")
@choices(races="harmful")
def replay(target: str, seed: str, **options: Any) -> None:
    """Run exactly the schedule of SEED again and report how it ends."""
    with explained_errors(), Muffler().before():
        options["include"] = included(options["include"])
        failed = _replay(target, seed, options)
    sys.exit(1 if failed else 0)


def _replay(target: str, seed: str, options: Mapping[str, Any]) -> bool:
    """Replay a seed and print what happened; tell whether it failed."""
    from interleave.explore import replay
    from interleave.report.races import race_lines
    from interleave.report.text import render
    from interleave.report.trace import write_trace
    from interleave.report.words import wants_color

    scenarios = scenarios_of([target])
    if len(scenarios) > 1:
        raise UsageError(
            f"{target!r} has {len(scenarios)} scenarios, and a seed belongs to one of them.\n"
            f"Name it: python -m interleave replay {scenarios[0].target} SEED"
        )
    scenario = scenarios[0]
    _hook_breakpoints()
    again = functools.partial(
        replay, scenario.function, seed, name=scenario.name, lenient=options["lenient"],
        replay_command=replay_command_of(scenario.target, options), **of_seeds(options),
    )  # fmt: skip
    replayed = again()
    if replayed.left_path:
        click.echo(f"The code has changed since the seed was made: the execution left its path at {replayed.left_path}.\n")
    if options["trace"]:
        write_trace(replayed.trace, sys.stdout)
    if options["step"] is not None:
        _debug(again, len(replayed.trace.steps), step=options["step"])
    if replayed.failure is None:
        click.echo(f"{scenario.name} passed with this schedule.")
        for line in race_lines(replayed.races):
            click.echo(f"  {line}")
        return False
    sys.stdout.write(render(replayed.failure, color=wants_color(sys.stdout)))
    if options["pdb"]:
        _debug(again, len(replayed.trace.steps))
    return True


def _hook_breakpoints() -> None:
    """Have `breakpoint()` in the program start a debugger that knows of logical threads; its module is costly to import."""
    if "PYTHONBREAKPOINT" not in os.environ and sys.breakpointhook is sys.__breakpointhook__:

        def hook(*_: object, **__: object) -> None:
            from interleave.debugging import Debugger

            Debugger().set_trace(sys._getframe(1))

        sys.breakpointhook = hook


def _debug(again: Callable[..., object], steps: int, *, step: int | None = None) -> None:
    """Replay once more, the same as before, with a debugger at a step, or at the end."""
    from interleave.debugging import Session

    if step is not None and not 0 <= step < steps:
        raise UsageError(f"there is no step {step}: this execution has the steps 0 to {steps - 1}.\nList them: --trace")
    again(onlooker=Session(step))

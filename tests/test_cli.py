"""The command line: targets, options, output, exit status. Most of it in this process, what matters for a process in one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from interleave.cli import cli
from interleave.errors import UsageError
from interleave.loading import find_scenarios
from interleave.strategies import TABLE

PROGRAM = '''\
"""Scenarios with known verdicts."""

import threading


class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def add(self):
        self.value += 1

    def add_locked(self):
        with self.lock:
            self.value += 1


def run_both(function):
    threads = [threading.Thread(target=function) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def scenario_race():
    """Loses an update."""
    counter = Counter()
    run_both(counter.add)
    assert counter.value == 2, f"lost update: {counter.value}"


def scenario_locked():
    counter = Counter()
    run_both(counter.add_locked)
    assert counter.value == 2


def scenario_deadlock():
    a, b = threading.Lock(), threading.Lock()
    pairs = iter([(a, b), (b, a)])

    def take(first, second):
        with first, second:
            pass

    threads = [threading.Thread(target=take, args=pair, name=name) for pair, name in zip(pairs, ["left", "right"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def needs_argument(value):
    pass


def unmarked():
    pass
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a folder with a program in it the current one, and forget afterwards what was imported from it."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="python -m interleave")


def process(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"} | environment
    command = [sys.executable, "-m", "interleave", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


class TestTargets:
    @pytest.mark.parametrize("target", ["program", "program.py", "./program.py"])
    def test_module_and_path_give_all_scenarios_in_order(self, folder: Path, target: str) -> None:
        names = [scenario.name for scenario in find_scenarios(target)]
        assert names == ["program:scenario_race", "program:scenario_locked", "program:scenario_deadlock"]

    @pytest.mark.parametrize("target", ["program:unmarked", "program.py::unmarked"])
    def test_a_function_may_be_named_whatever_it_is_called(self, folder: Path, target: str) -> None:
        (scenario,) = find_scenarios(target)
        assert (scenario.name, scenario.target) == ("program:unmarked", target)

    def test_marks_win_over_names(self, folder: Path) -> None:
        text = "from interleave import scenario\n@scenario\ndef chosen(): pass\ndef scenario_other(): pass\n"
        (folder / "marked.py").write_text(text, encoding="utf-8")
        assert [scenario.name for scenario in find_scenarios("marked")] == ["marked:chosen"]

    def test_imported_functions_are_not_scenarios(self, folder: Path) -> None:
        (folder / "user.py").write_text("from program import *\ndef scenario_own(): pass\n", encoding="utf-8")
        assert [scenario.name for scenario in find_scenarios("user")] == ["user:scenario_own"]

    def test_file_in_a_package_is_imported_as_its_module(self, folder: Path) -> None:
        package = folder / "package"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "part.py").write_text("from . import other\ndef scenario_one(): pass\n", encoding="utf-8")
        (package / "other.py").touch()
        assert [scenario.name for scenario in find_scenarios("package/part.py")] == ["package.part:scenario_one"]

    def test_file_named_like_a_standard_module_is_neither(self, folder: Path) -> None:
        import queue

        (folder / "queue.py").write_text("def scenario_one(): pass\n", encoding="utf-8")
        assert [scenario.name for scenario in find_scenarios("queue.py")] == ["queue_py:scenario_one"]
        assert sys.modules["queue"] is queue

    @pytest.mark.parametrize(
        ("target", "expected"),
        [
            ("no_such_module", "There is no module 'no_such_module'"),
            ("program.part", "There is no module 'program.part'"),
            ("no_such_file.py", "There is no file 'no_such_file.py'"),
            ("program:no_such_function", "'program' has no function 'no_such_function'; its scenarios are: scenario_race"),
            ("program:needs_argument", "Scenario 'program:needs_argument' takes arguments (value)"),
            ("program::", "'program::' ends where the name of a function should follow"),
            ("empty", "'empty' has no scenarios"),
            ("broken", "Cannot import 'broken': ZeroDivisionError: division by zero at "),
            ("misspelt", "Cannot import 'misspelt': SyntaxError: "),
            ("wanting", "Cannot import 'wanting': ModuleNotFoundError: No module named 'not_installed' at "),
            ("leaving", "Cannot import 'leaving': SystemExit: 3"),
            ("progam.py", "There is no file 'progam.py'"),
            ("", "A target is a module, a file"),
        ],
    )
    def test_unusable_target_is_one_sentence(self, folder: Path, target: str, expected: str) -> None:
        (folder / "empty.py").touch()
        (folder / "broken.py").write_text("1 / 0\n", encoding="utf-8")
        (folder / "misspelt.py").write_text("def\n", encoding="utf-8")
        (folder / "wanting.py").write_text("import not_installed\n", encoding="utf-8")
        (folder / "leaving.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
        with pytest.raises(UsageError) as caught:
            find_scenarios(target)
        assert str(caught.value).startswith(expected)
        assert ("Did you mean program.py?" in str(caught.value)) is (target == "progam.py")
        assert ("misspelt.py:1" in str(caught.value)) is (target == "misspelt")
        for command in ("explore", "list"):
            result = run(command, target)
            assert result.exit_code == 2
            assert result.stderr.startswith(f"Error: {expected}")
            assert "Traceback" not in result.output


class TestExplore:
    def test_race_is_found_and_explained(self, folder: Path) -> None:
        result = run("explore", "program:scenario_race")
        assert result.exit_code == 1, result.output
        for expected in (
            "FAILED",
            "lost update: 1",
            "self.value += 1",
            "Counter.value",
            "program.py:12",
            "replay program:scenario_race il",
        ):
            assert expected in result.stdout

    def test_correct_program_is_proven(self, folder: Path) -> None:
        result = run("explore", "program:scenario_locked", "--strategy", "dfs")
        assert result.exit_code == 0, result.output
        assert "passed" in result.stdout
        assert "all " in result.stdout

    def test_every_scenario_is_explored_after_a_failure(self, folder: Path) -> None:
        result = run("explore", "program.py", "--json", "-")
        assert result.exit_code == 1
        data = json.loads(result.stdout)
        verdicts = {one["name"]: (one["verdict"], [failure["kind"] for failure in one["failures"]]) for one in data["scenarios"]}
        assert verdicts == {
            "program:scenario_race": ("failed", ["assertion"]),
            "program:scenario_locked": ("proven", []),
            "program:scenario_deadlock": ("failed", ["deadlock"]),
        }

    def test_json_goes_to_a_file_beside_the_text(self, folder: Path) -> None:
        result = run("explore", "program:scenario_locked", "--json", "report.json")
        assert "passed" in result.stdout
        data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        assert (data["version"], data["scenarios"][0]["failures"]) == (1, [])

    def test_budget_is_kept(self, folder: Path) -> None:
        data = json.loads(run("explore", "program:scenario_locked", "--strategy", "random", "--executions", "7", "--json", "-").stdout)
        (scenario,) = data["scenarios"]
        assert (scenario["executions"], scenario["verdict"], scenario["stopped_by"]) == (7, "passed", "executions")

    def test_keep_going_spends_the_budget(self, folder: Path) -> None:
        options = ("--strategy", "random", "--executions", "50", "--json", "-")
        stopped = json.loads(run("explore", "program:scenario_race", *options).stdout)["scenarios"][0]
        went_on = json.loads(run("explore", "program:scenario_race", *options, "--keep-going").stdout)["scenarios"][0]
        assert stopped["executions"] < 50
        assert went_on["executions"] == 50
        assert went_on["failures"][0]["count"] > 1

    def test_until_saturated_is_a_budget_of_its_own(self, folder: Path) -> None:
        options = ("--strategy", "random", "--until-saturated", "--json", "-")
        (scenario,) = json.loads(run("explore", "program:scenario_locked", *options).stdout)["scenarios"]
        assert (scenario["verdict"], scenario["stopped_by"]) == ("passed", "saturated")
        assert scenario["statistics"]["unseen"] < 0.01
        (scenario,) = json.loads(run("explore", "program:scenario_locked", *options, "--executions", "20").stdout)["scenarios"]
        assert scenario["stopped_by"] == "executions"

    def test_until_saturated_has_an_end_of_its_own_and_says_which_it_was(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("interleave.classes.SATURATION", 25)
        options = ("explore", "program:scenario_locked", "--strategy", "random", "--until-saturated")
        assert "25 sampled with random, not saturated within the limit of executions" in run(*options).stdout
        # A time given is the only limit then.
        assert "sampled with random until saturated" in run(*options, "--seconds", "600").stdout

    def test_quiet_is_silent_where_nothing_fails(self, folder: Path) -> None:
        result = run("explore", "program:scenario_locked", "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
        failed = run("explore", "program:scenario_race", "program:scenario_locked", "--quiet")
        assert failed.exit_code == 1
        assert failed.stdout.startswith("\nFAILED program:scenario_race")
        assert "scenario_locked" not in failed.stdout

    def test_verbose_says_which_strategies_had_how_many_executions(self, folder: Path) -> None:
        assert "executions by strategy: dpor" in run("explore", "program:scenario_locked", "--verbose").stdout
        assert "executions by strategy" not in run("explore", "program:scenario_locked").stdout

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("explore", "program", "--quiet", "--verbose"), "--quiet and --verbose exclude each other"),
            (("explore",), "Missing argument 'TARGET...'"),
            (("explore", "program", "--strategy", "luck"), f"'luck' is not one of {', '.join(map(repr, TABLE))}"),
            (("explore", "program", "--executions", "0"), "0 is not in the range x>=1"),
            (("explore", "program", "--seconds", "0"), "0.0 is not in the range x>0"),
            (("replay", "program:scenario_race"), "Missing argument 'SEED'"),
            (("explode", "program"), "No such command 'explode'"),
        ],
    )
    def test_wrong_arguments_are_status_2(self, folder: Path, arguments: tuple[str, ...], expected: str) -> None:
        result = run(*arguments)
        assert result.exit_code == 2
        assert expected in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("--json", "no/such/r.json"), "there is no folder 'no/such'.\n  Make it: mkdir -p no/such"),
            (("--json", "-", "--sarif", "-"), "--json and --sarif cannot both go to standard output"),
            (("--include", "no_such_package"), "There is no package or module 'no_such_package' to include"),
            (("--include", "queue"), "'queue' cannot be included"),
        ],
    )
    def test_what_cannot_be_written_or_included_costs_no_exploration(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], expected: str
    ) -> None:
        monkeypatch.setattr("interleave.cli.exploring._explore_all", None)
        result = run("explore", "program:scenario_locked", *arguments)
        assert result.exit_code == 2
        assert expected in result.stderr
        assert result.stdout == ""

    def test_a_page_without_jinja2_costs_no_exploration(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("interleave.cli.exploring._explore_all", None)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        result = run("explore", "program:scenario_locked", "--html", "page.html")
        assert result.exit_code == 2
        assert "--html needs jinja2" in result.stderr
        assert "-m pip install jinja2" in result.stderr

    def test_interrupt_reports_what_was_found_so_far(self, folder: Path) -> None:
        """The second scenario would run for a minute; the first is reported all the same."""
        command = [sys.executable, "-m", "interleave", "explore", "program:scenario_race", "program:scenario_locked"]
        command += ["--strategy", "random", "--seconds", "60"]
        running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert running.stderr is not None
        # Progress is shown from inside an exploration only.
        assert "program:scenario_locked: " in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=30)
        assert "interrupted   scenario_locked" in output
        assert "lost update: 1" in output
        assert "Traceback" not in errors
        assert running.returncode == 1


class TestReplay:
    def found(self, target: str) -> Mapping[str, str]:
        failure: Mapping[str, str] = json.loads(run("explore", target, "--json", "-").stdout)["scenarios"][0]["failures"][0]
        return failure

    @pytest.mark.parametrize("name", ["scenario_race", "scenario_deadlock"])
    def test_seed_gives_the_same_failure_in_a_fresh_process_with_any_hash_seed(self, folder: Path, name: str) -> None:
        failure = self.found(f"program:{name}")
        runs = [
            process("replay", f"program:{name}", failure["seed"], "--trace", cwd=folder, PYTHONHASHSEED=seed) for seed in ("0", "12345")
        ]
        assert [one.returncode for one in runs] == [1, 1], runs[0].stderr
        assert runs[0].stdout == runs[1].stdout
        assert failure["message"].splitlines()[0] in runs[0].stdout

    def test_printed_command_replays(self, folder: Path) -> None:
        failure = self.found("program.py::scenario_race")
        words = failure["replay"].split()
        assert words[1:4] == ["-m", "interleave", "replay"]
        assert subprocess.run(words, cwd=folder, capture_output=True, check=False).returncode == 1

    def test_seed_of_another_scenario_is_refused(self, folder: Path) -> None:
        result = run("replay", "program:scenario_locked", self.found("program:scenario_race")["seed"])
        assert result.exit_code == 2
        assert "scenario" in result.stderr

    def test_damaged_seed_is_refused(self, folder: Path) -> None:
        result = run("replay", "program:scenario_race", self.found("program:scenario_race")["seed"][:-2])
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")

    def test_changed_code_is_reported_with_step_and_line(self, folder: Path) -> None:
        seed = self.found("program:scenario_race")["seed"]
        changed = PROGRAM.replace(
            "        self.value += 1\n\n    def add_locked", "        with self.lock:\n            self.value += 1\n\n    def add_locked"
        )
        assert changed != PROGRAM
        (folder / "program.py").write_text(changed, encoding="utf-8")
        done = process("replay", "program:scenario_race", seed, cwd=folder)
        assert done.returncode == 2, done.stdout
        assert "step" in done.stderr
        assert "program.py:" in done.stderr

    def test_several_scenarios_are_one_too_many(self, folder: Path) -> None:
        result = run("replay", "program", "il2-xxxx")
        assert result.exit_code == 2
        assert "a seed belongs to one of them" in result.stderr

    def test_debugger_starts_at_the_failure(self, folder: Path) -> None:
        seed = self.found("program:scenario_race")["seed"]
        command = [sys.executable, "-m", "interleave", "replay", "program:scenario_race", seed, "--pdb"]
        done = subprocess.run(command, cwd=folder, input="p counter.value\nq\n", capture_output=True, text=True, timeout=60, check=False)
        assert "(Pdb) 1" in done.stdout, done.stdout + done.stderr
        assert "program.py(31)scenario_race()" in done.stdout


class TestProcess:
    def test_hash_seed_is_fixed_unless_the_user_fixed_it(self, folder: Path) -> None:
        text = "import os, sys\ndef scenario_one(): raise ValueError(os.environ['PYTHONHASHSEED'])\n"
        (folder / "hashes.py").write_text(text, encoding="utf-8")
        assert "ValueError: 0" in process("explore", "hashes", cwd=folder).stdout
        assert "ValueError: 7" in process("explore", "hashes", cwd=folder, PYTHONHASHSEED="7").stdout

    def test_list_names_scenarios_with_their_docstrings(self, folder: Path) -> None:
        done = process("list", "program", cwd=folder)
        assert done.returncode == 0
        assert done.stdout.splitlines()[0] == "program:scenario_race  Loses an update."

    def test_help_teaches_and_is_light(self, folder: Path) -> None:
        done = process("--help", cwd=folder)
        assert done.returncode == 0
        assert "python -m interleave explore targets.cache" in done.stdout
        code = (
            "import sys\nfrom click.testing import CliRunner\nfrom interleave.cli import cli\n"
            "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
            "print([name for name in ('greenlet', 'networkx', 'bytecode', 'rich', 'asyncio') if name in sys.modules])"
        )
        imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert imported.stdout.strip() == "[]"

    def test_version(self) -> None:
        import interleave

        assert run("--version").stdout == f"interleave {interleave.__version__}\n"


def test_public_names_are_there_and_the_function_explore_is_not_the_module() -> None:
    import importlib

    import interleave

    importlib.import_module("interleave.explore")
    assert callable(interleave.explore)
    assert {"explore", "check", "replay", "scenario", "yield_point", "choose", "Budget", "Result"} <= set(dir(interleave))
    for name in interleave.__all__:
        assert getattr(interleave, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'misspelt'"):
        _ = interleave.misspelt

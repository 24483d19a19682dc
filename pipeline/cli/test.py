"""`sluice test`: run the test cases of state machines, on the embedded engine or on AWS's Step Functions Local."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from pipeline.cli.app import app
from pipeline.cli.output import Json, console, print_json, print_table, styled
from pipeline.cloudformation.substitutions import substitutions
from pipeline.core.checkout import checkout
from pipeline.core.errors import BadDefinition, BadInput, Transient, WrongUsage
from pipeline.operate.arguments import dataset_name
from pipeline.state_machines.coverage import Part, parts
from pipeline.state_machines.suites import Case, Result, Runner, Suite, check, uncovered
from pipeline.state_machines.test_cases import FILE, ResponseEntry

DEFINITIONS = Path("definitions/state_machines")
DATASETS = Path("definitions/datasets")
TIMEOUT_S = 60.0
NOT_RUN = "NOT RUN"
"""The status of a case with an invalid file."""


@app.command("test")
def run_cases(
    folder: Annotated[
        Path,
        typer.Argument(
            help="The folder with MockConfigFile.json, inputs and histories; or a dataset, as team/dataset, or "
            "definitions/datasets, for transforms."
        ),
    ],
    definitions: Annotated[
        list[Path] | None, typer.Option(help="Folders with <machine>.asl.json; definitions/state_machines by default.")
    ] = None,
    substitute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="The value of ${NAME} in definitions; repeatable.")
    ] = None,
    template: Annotated[
        list[Path] | None, typer.Option(help="A template whose DefinitionSubstitutions give the values; repeatable.")
    ] = None,
    only: Annotated[str, typer.Option("--case", help="Run one case, as machine#Case.")] = "",
    update: Annotated[bool, typer.Option("--update", help="Record the histories instead of comparing them.")] = False,
    full_coverage: Annotated[bool, typer.Option(help="Fail if no case takes some part of a machine.")] = False,
    sfn_endpoint: Annotated[
        str, typer.Option(help="URL of AWS's Step Functions Local, started with the same MockConfigFile.json.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Run state machines on mocked integrations, compare with recorded histories, and report what no case takes.

    The format of the cases is AWS's own; docs/state-machine-tests.md shows one from start to end. Of a dataset, run
    its transform on samples and compare what comes out; docs/transforms.md shows one.

    Example: sluice test tests/state_machines
    """
    if full_coverage and (only or sfn_endpoint):
        raise WrongUsage("--full-coverage needs all cases, on the embedded engine")
    if _is_of_datasets(folder):
        _run_transforms(folder, only, as_json)
        return
    if not folder.is_dir():
        raise WrongUsage(f"{folder} is not a folder", hint="Give that of MockConfigFile.json, inputs and histories.")
    given = _given(substitute or [])
    suite = Suite(folder, definitions or [DEFINITIONS], partial(_substitutions, template or [], given))
    cases = [case for case in suite.cases() if only in ("", str(case))]
    if not cases:
        raise BadInput(f"there is no case {only!r} in {suite.mocks}" if only else f"{suite.mocks} has no test case")
    with _engine(suite, sfn_endpoint) as engine:
        runner = Runner(suite, engine, TIMEOUT_S)
        results = []
        for case in cases:
            results.append(_result(runner, case, update))
            if not as_json:
                _print(results[-1])
        if only:
            report = _Report(results)
        else:
            # Step Functions Local waits as long as the definition says: once is enough there.
            ran = [] if sfn_endpoint else [result.case for result in results if result.status != NOT_RUN]
            unused = sorted(suite.answers() - runner.given)
            report = _Report(results, uncovered(suite, runner, ran), unused, suite.leftovers())
    print_json(report.document()) if as_json else _print_report(suite, report)
    is_uncovered = full_coverage and any(report.missing.values())
    if is_uncovered and not as_json:
        console.print("[red]✗[/] --full-coverage: see what no case takes", highlight=False)
    if is_uncovered or any(result.problem for result in results):
        raise typer.Exit(1)


def _is_of_datasets(folder: Path) -> bool:
    if (folder / FILE).exists():
        return False
    return folder == DATASETS or (not folder.is_dir() and len(folder.parts) == 2)


def _run_transforms(folder: Path, only: str, as_json: bool) -> None:
    # Loads pydantic and Spark, which state machines do without.
    from pipeline.deploy.datasets.definitions import by_name
    from pipeline.deploy.transform_tests import cases, problem_of, session
    from pipeline.lake.datasets.files import read_all

    definitions = read_all(checkout()).or_raise()
    chosen = cases(checkout(), definitions, None if folder == DATASETS else dataset_name(folder.as_posix()))
    chosen = [case for case in chosen if only in ("", str(case))]
    if not chosen:
        raise BadInput(f"there is no case {only!r}")
    problems: dict[str, str | None] = {}
    with session() as spark:
        for case in chosen:
            problems[str(case)] = problem_of(spark, case, by_name(definitions))
            if not as_json:
                _print_transform(str(case), problems[str(case)])
    passed = sum(problem is None for problem in problems.values())
    if as_json:
        results = [{"case": case, "passed": problem is None, "problem": problem} for case, problem in problems.items()]
        print_json({"cases": results})
    else:
        console.print(f"{passed} of {len(problems)} cases passed", highlight=False)
    if passed < len(problems):
        raise typer.Exit(1)


def _print_transform(case: str, problem: str | None) -> None:
    mark = "[red]✗[/]" if problem else "[green]✓[/]"
    console.print(f"{mark} {escape(case)}", highlight=False, soft_wrap=True)
    for line in (problem or "").splitlines():
        console.print(f"    {escape(line)}", highlight=False, soft_wrap=True)


def _given(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if not pair.partition("=")[0] or "=" not in pair:
            raise WrongUsage(f"--substitute {pair!r} is not NAME=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)


def _substitutions(templates: list[Path], given: dict[str, str], machine: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for template in templates:
        values |= substitutions(template, machine)
    return values | given


@dataclass(frozen=True, slots=True)
class _Report:
    """The results of cases; for a whole suite also the parts that none takes, unused answers and old histories."""

    results: list[Result]
    missing: dict[str, list[Part]] = field(default_factory=dict)
    unused: list[ResponseEntry] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {
            "cases": [
                {"case": str(each.case), "status": each.status, "passed": not each.problem, "problem": each.problem}
                for each in self.results
            ],
            "uncovered": {machine: [str(part) for part in left] for machine, left in self.missing.items()},
            "unused_answers": [asdict(entry) for entry in self.unused],
            "leftover_histories": [str(path) for path in self.leftovers],
        }


def _result(runner: Runner, case: Case, update: bool) -> Result:
    try:
        return check(runner.run(case), update=update)
    except Transient as error:
        return Result(case, "RUNNING", error.message)
    except BadDefinition as error:
        return Result(case, NOT_RUN, " ".join(filter(None, (error.message, error.hint))))


@contextmanager
def _engine(suite: Suite, endpoint: str) -> Iterator[Any]:
    from pipeline.emulator.stepfunctions.engine import local_client, machine_engine

    if endpoint:
        yield local_client(endpoint)
        return
    with machine_engine(suite.mocks) as engine:
        yield engine


def _print(result: Result) -> None:
    mark = "[red]✗[/]" if result.problem else "[yellow]recorded[/]" if result.is_recorded else "[green]✓[/]"
    console.print(f"{mark} {escape(str(result.case))} {styled(result.status)}", highlight=False, soft_wrap=True)
    for line in (result.problem or "").splitlines():
        console.print(f"    {escape(line)}", highlight=False, soft_wrap=True)


def _print_coverage(suite: Suite, missing: dict[str, list[Part]]) -> None:
    rows = []
    for machine, left in missing.items():
        total = len(parts(suite.definition(machine)))
        share = (total - len(left)) / total if total else 1.0
        rows.append((escape(machine), f"{share:.0%}", escape("; ".join(map(str, left))) or "nothing"))
    if rows:
        print_table("Coverage", ("machine", "taken", "taken by no case"), rows)


def _print_report(suite: Suite, report: _Report) -> None:
    _print_coverage(suite, report.missing)
    for what, names in (
        (f"answers in {suite.mocks.name} that no case was given", report.unused),
        ("histories of cases that are gone", report.leftovers),
    ):
        if names:
            listed = escape(", ".join(map(str, names)))
            console.print(f"[yellow]![/] {what}: {listed}", highlight=False, soft_wrap=True)
    good = [result for result in report.results if not result.problem]
    done = "recorded" if any(result.is_recorded for result in good) else "passed"
    console.print(f"{len(good)} of {len(report.results)} cases {done}", highlight=False)

"""The command `mimic-checks`: run, demo, cases, replay, report, compare, plan, remedy.

Data in: arguments. Data out: an exit code. Every subcommand is a few lines calling the packages;
`run` is pytest with the plugin's own options, so both ways give the same verdicts.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mimic_checks.options import OPTIONS
from mimic_checks.plugin import EXIT_INCONCLUSIVE
from remedies.command import add_remedy

if TYPE_CHECKING:
    from mimic_checks.cases import Case
    from mimic_checks.catalog import Catalog
    from mimic_checks.checks.discovery import FoundCheck
    from mimic_checks.verdicts.run_folder import RunFolder

USAGE = 4
SHIPPED = "mimic_checks.checks"
DEMO = (
    "--vlm",
    "builtin",
    "--vlm-catalog",
    "rendered",
    "--vlm-cases",
    "100",
    "--vlm-seed",
    "0",
    "-k",
    "not sequence_length and not knockout",
)
"""The demonstration's fixed profile: everything but the two checks that ask every case under ten
conditions."""
DEMO_AFTER = "test_image_count and counting"
"""What the demonstration asks the repaired model itself; the answers to the rest are recorded."""
_WORKED = (0, 1, EXIT_INCONCLUSIVE)
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_TOP_PAD_": str(2**28),
}
"""Tells glibc to keep freed memory: on a CPU, a third of a batch's time is page faults of tensors
otherwise. Elsewhere ignored."""


class Parser(argparse.ArgumentParser):
    """Ends with the exit code of every other usage error; argparse's own is 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0 all pass, 1 a check failed, 4 usage error, 6
    inconclusive."""
    from mimic_checks.errors import UsageError

    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command not in ("run", "demo"):
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return int(options.work(options, rest))
    except UsageError as error:
        print(f"mimic-checks: {error}", file=sys.stderr)
        return USAGE


def _run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.checks.discovery import CHECK_MODULES

    installed = [
        module for module in CHECK_MODULES.modules() if module != SHIPPED and _is_importable(module)
    ]
    return _call_pytest([*installed, *(options.checks or ()), *rest])


def _is_importable(module: str) -> bool:
    """Whether a module is there; a broken package of somebody's should not stop the run."""
    try:
        known = importlib.util.find_spec(module) is not None
    except ImportError:
        known = False
    if not known:
        print(f"mimic-checks: checks in {module!r} are left out: no such module", file=sys.stderr)
    return known


def _call_pytest(arguments: Sequence[str]) -> int:
    """In a process of its own, as a user's pytest would run: nothing imported before the plugin, no
    ini left over."""
    return subprocess.call([*_pytest(), *arguments], env={**KEEP_MEMORY, **os.environ})


def _pytest() -> list[str]:
    quiet = ["-p", "no:cacheprovider", "-q", "--tb=short"]
    return [sys.executable, "-m", "pytest", *quiet, "--pyargs", SHIPPED]


def _demo(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Exits 0 when the run worked, although checks fail: that the built-in model breaks is the
    point."""
    quiet = ("-c", os.devnull, "-rN", "--tb=no")
    code = _call_pytest([*DEMO, "--vlm-output", str(options.output), *quiet, *rest])
    if code not in _WORKED or rest:
        return code if code not in _WORKED else 0
    return _demo_after(options.output, quiet)


def _demo_after(before: Path, quiet: Sequence[str]) -> int:
    """The repaired model on the same cases: one check asked now, the others from answers recorded
    with the adapter."""
    from mimic_checks.models.backends import REPAIRED, REPAIRED_ADAPTER
    from remedies.before_after import before_after, recorded_answers

    after = before.with_name(f"{before.name}-{REPAIRED}")
    asked = [
        "--vlm",
        REPAIRED,
        *DEMO[2:-1],
        DEMO_AFTER,
        "--vlm-output",
        str(after),
        *quiet,
        "--no-header",
        "-q",
    ]
    code = subprocess.call(
        [*_pytest(), *asked], env={**KEEP_MEMORY, **os.environ}, stdout=subprocess.DEVNULL
    )
    if code not in _WORKED:
        return code
    answers = recorded_answers(REPAIRED_ADAPTER / "demo_answers.json")
    print(f"\nthe same cases after the remedy (--vlm {REPAIRED}; docs/remedies.md):")
    print("\n".join(before_after(before, answers, live=after)))
    return 0


def _cases(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.checks.settings import Settings
    from mimic_checks.verdicts.case_set import write_case_set

    found = _selected_checks(options)
    settings = Settings(
        vlm="",
        catalog=options.vlm_catalog,
        cases=options.vlm_cases,
        seed=options.vlm_seed,
        profile=options.vlm_profile,
        template=options.vlm_template,
    )
    plan = RunPlan(settings, list(found.values()))
    lines = [
        (check.check_id, level, items[k])
        for check in plan.checks
        for items in plan.draws(check)
        for k, level in enumerate(plan.levels(check))
    ]
    write_case_set(options.out, lines, plan.catalog)
    print(f"{len(lines)} cases of {len(plan.checks)} checks in {options.out}")
    return 0


def _selected_checks(
    options: argparse.Namespace, allowed: Callable[[FoundCheck], bool] = lambda found: True
) -> dict[str, FoundCheck]:
    """The checks that `--check` names, or all that are allowed.

    Raises:
        InvalidArgument: an unknown check, or one that is not allowed.
    """
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.errors import InvalidArgument

    known = {
        check: found for check, found in find_checks(options.checks or ()).items() if allowed(found)
    }
    for name in options.check or ():
        if name not in known:
            raise InvalidArgument("check", name, allowed=list(known))
    return {name: known[name] for name in options.check or known}


def _replay(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.cases import judge
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.models import ModelOptions, check_vlm, load_vlm, prompt_of
    from mimic_checks.models.vlm import texts_of
    from mimic_checks.tasks import Vocabulary

    if options.checks:
        find_checks(options.checks)  # importing them registers tasks that have no entry point
    case, catalog = _stored_case(options.source, options.case)
    settings = ModelOptions(adapter=options.vlm_adapter, base_url=options.vlm_base_url)
    check_vlm(options.vlm, settings, catalog)
    for number, image_id in enumerate(case.images, start=1):
        image = catalog.source.describe(catalog.manifest.row(image_id))
        print(f"image {number}: {image} (sha256 {image_id[:16]}...)")
    model = load_vlm(options.vlm, settings, catalog)
    answer = texts_of(model, [prompt_of(case, catalog.manifest)])[0]
    outcome = judge(case, answer, None, Vocabulary(catalog.class_names, catalog.groups))
    print(
        f"question: {case.question}\ntrue answer: {case.truth.text}\nmodel's answer:"
        f" {answer}\noutcome: {outcome.kind}"
    )
    return 0 if outcome.kind == "right" else 1


def _stored_case(source: Path, wanted: str) -> tuple[Case, Catalog]:
    """A case by id from a run's output folder or from a case set, with the catalog that its images
    come from."""
    from mimic_checks.catalog import load_catalog
    from mimic_checks.errors import RunFolderError
    from mimic_checks.verdicts.case_set import read_case_set
    from mimic_checks.verdicts.record import refuse_other_images
    from mimic_checks.verdicts.run_folder import RunFolder

    if (source / "cases.jsonl").is_file():
        catalog = load_catalog(f"cases:{source}")
        stored = [(line.case, line.rows) for line in read_case_set(source, catalog).lines]
    else:
        run = RunFolder(source)
        catalog = _catalog_of(run)
        stored = [(record.outcome.case, record.rows) for record in run.records()]
    matching = [(case, rows) for case, rows in stored if case.id == wanted]
    if not matching:
        raise RunFolderError(
            f"case={wanted!r} is not among the {len(stored)} cases in {str(source)!r}; ids are in"
            " the report and the JSON Lines beside it"
        )
    case, rows = matching[0]
    refuse_other_images(case, rows, catalog, str(source))
    return case, catalog


def _compare(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.reporting.compare import compare_runs, write_comparison
    from mimic_checks.verdicts.comparison import effective_verdict
    from mimic_checks.verdicts.gate_text import gate_summary
    from mimic_checks.verdicts.policy import load_policy
    from mimic_checks.verdicts.run_folder import RunFolder

    before, after = RunFolder(options.before), RunFolder(options.after)
    checks = after.checks()
    known = {*checks, *find_checks(options.checks or ())} if options.vlm_policy else set(checks)
    policy = load_policy(options.vlm_policy, known)
    gates = compare_runs(before, after, policy)
    print(gate_summary(gates))
    if options.out:
        print(f"report: {write_comparison(gates, before, after, _catalog_of(after), options.out)}")
    verdicts = {effective_verdict(gate, policy) for gate in gates}
    return 1 if "fail" in verdicts else EXIT_INCONCLUSIVE if "inconclusive" in verdicts else 0


def _burn_in(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.checks.burn_in import burn_in, lines
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.checks.session import CheckSession
    from mimic_checks.checks.settings import Settings
    from mimic_checks.errors import InvalidArgument
    from mimic_checks.models import ModelOptions
    from mimic_checks.verdicts.policy import check_policy_can_decide, load_policy

    if options.histories < 1:
        raise InvalidArgument("histories", options.histories, allowed="1 or more")
    found = _selected_checks(options, lambda found: found.check.anytime)
    policy = load_policy(options.vlm_policy, find_checks(options.checks or ()))
    check_policy_can_decide(policy, found, options.vlm_cases)
    settings = Settings(
        vlm=options.vlm,
        catalog=options.vlm_catalog,
        cases=options.vlm_cases,
        seed=options.vlm_seed,
        output=options.vlm_output,
        model=ModelOptions(adapter=options.vlm_adapter, base_url=options.vlm_base_url),
    )
    session = CheckSession(RunPlan(settings, list(found.values())))
    session.validate()
    session.folder.prepare({**session.plan.describe(), "burn_in": True})
    alpha = float(policy.defaults["alpha"])
    print("\n".join(lines(burn_in(session, policy, options.histories), alpha)))
    return 0


def _read(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.read_answers import read_file

    return read_file(options.file, options.classes)


def _plan(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.verdicts.planning import plan_lines

    print(
        "\n".join(
            plan_lines(
                margin=options.margin, alpha=options.alpha, flips=options.flips, power=options.power
            )
        )
    )
    return 0


def _catalog_of(run: RunFolder) -> Catalog:
    """The catalog that a run's images come from."""
    from mimic_checks.catalog import load_catalog

    described = run.read()["description"]
    return load_catalog(
        f"cases:{described['case_set']}" if described.get("case_set") else described["catalog"]
    )


def _report(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.reporting import write_report

    print(write_report(options.folder))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="mimic-checks",
        description="Finds out where a vision-language model breaks on several images.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_run(commands)
    _add_demo(commands)
    _add_cases(commands)
    _add_replay(commands)
    _add_report(commands)
    _add_compare(commands)
    _add_plan(commands)
    _add_burn_in(commands)
    _add_read(commands)
    add_remedy(commands)
    return parser


def _add_run(commands: Any) -> None:
    known = "\n".join(f"  --{option.name}  {option.help}" for option in OPTIONS)
    command = commands.add_parser(
        "run",
        help="run the checks on a model",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs the checks; takes every option of the pytest plugin, and pytest's own.",
        epilog=f"options:\n{known}",
    )
    _add_checks(command)
    command.set_defaults(work=_run)


def _add_demo(commands: Any) -> None:
    command = commands.add_parser(
        "demo", help="run the checks on the built-in model: no GPU, no download"
    )
    command.add_argument("--output", type=Path, default=Path("mimic-report"))
    command.set_defaults(work=_demo)


def _add_cases(commands: Any) -> None:
    command = commands.add_parser("cases", help="write drawn cases to disk: JSON Lines and images")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument(
        "--check", action="append", help="only this check (may be given more than once)"
    )
    _add_checks(command)
    command.add_argument("--vlm-catalog", default="rendered")
    command.add_argument("--vlm-cases", type=int, default=100)
    command.add_argument("--vlm-seed", type=int, default=0)
    command.add_argument("--vlm-profile", default="standard")
    command.add_argument("--vlm-template", default="plain")
    command.set_defaults(work=_cases)


def _add_replay(commands: Any) -> None:
    command = commands.add_parser("replay", help="ask a model one case again, by id")
    command.add_argument("source", type=Path, help="a run's output folder, or a case set")
    command.add_argument("case", help="case id")
    command.add_argument("--vlm", required=True)
    command.add_argument("--vlm-adapter")
    command.add_argument("--vlm-base-url")
    _add_checks(command)
    command.set_defaults(work=_replay)


def _add_report(commands: Any) -> None:
    command = commands.add_parser("report", help="write a run's report again from its folder")
    command.add_argument("folder", type=Path)
    command.set_defaults(work=_report)


def _add_compare(commands: Any) -> None:
    command = commands.add_parser(
        "compare", help="gate a run on an earlier one: the same cases, paired"
    )
    command.add_argument("before", type=Path, help="the output folder of the earlier release's run")
    command.add_argument("after", type=Path, help="the output folder of this release's run")
    command.add_argument(
        "--vlm-policy", type=Path, help="TOML file of the gate: margins, tiers, error rate"
    )
    command.add_argument(
        "--out", type=Path, help="folder for gate.html, gate.md, gate.json, junit.xml"
    )
    _add_checks(command)
    command.set_defaults(work=_compare)


def _add_plan(commands: Any) -> None:
    command = commands.add_parser(
        "plan", help="how many cases a gate needs: a fixed number beside looking early"
    )
    command.add_argument(
        "--margin",
        type=float,
        default=0.05,
        help="share of cases that a level may lose (default 0.05)",
    )
    command.add_argument(
        "--alpha", type=float, default=0.05, help="error rate a side (default 0.05)"
    )
    command.add_argument(
        "--flips",
        type=float,
        default=0.01,
        help="share of answers that flip either way without any change (default 0.01)",
    )
    command.add_argument(
        "--power",
        type=float,
        default=0.9,
        help="how often an unchanged release must pass a level (default 0.9)",
    )
    command.set_defaults(work=_plan)


def _add_burn_in(commands: Any) -> None:
    command = commands.add_parser(
        "burn-in",
        help=(
            "how often this gate raises a false alarm and sees a planted defect, on your own model"
        ),
    )
    command.add_argument("--vlm", required=True)
    command.add_argument("--vlm-catalog", default="rendered")
    command.add_argument("--vlm-cases", type=int, default=100)
    command.add_argument("--vlm-seed", type=int, default=0)
    command.add_argument("--vlm-adapter")
    command.add_argument("--vlm-base-url")
    command.add_argument("--vlm-policy", type=Path)
    command.add_argument(
        "--vlm-output",
        type=Path,
        default=Path("mimic-burn-in"),
        help="journals: a stopped burn-in goes on where it was",
    )
    command.add_argument(
        "--check", action="append", help="only this check (may be given more than once)"
    )
    command.add_argument("--histories", type=int, default=200, help="re-runs per row (default 200)")
    _add_checks(command)
    command.set_defaults(work=_burn_in)


def _add_read(commands: Any) -> None:
    command = commands.add_parser(
        "read", help="what is read in answers of a JSON Lines file, and why not"
    )
    command.add_argument("file", help="answers, one JSON object a line; '-' for standard input")
    command.add_argument(
        "--classes", type=Path, help="file of class names, one a line (default: COCO's 80)"
    )
    command.set_defaults(work=_read)


def _add_checks(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--checks",
        action="append",
        metavar="MODULE_OR_FOLDER",
        help="checks of your own, beside the installed ones (may be given more than once)",
    )


if __name__ == "__main__":
    sys.exit(main())

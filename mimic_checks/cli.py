"""The command `mimic-checks`: its parser and its exit codes; the subcommands are in `commands/`."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from mimic_checks import __version__
from mimic_checks.commands.burn_in import add_burn_in
from mimic_checks.commands.cases import add_cases
from mimic_checks.commands.catalog import add_catalog
from mimic_checks.commands.compare import add_compare
from mimic_checks.commands.demo import add_demo
from mimic_checks.commands.describe import add_describe
from mimic_checks.commands.plan import add_plan
from mimic_checks.commands.read import add_read
from mimic_checks.commands.replay import add_replay
from mimic_checks.commands.report import add_report
from mimic_checks.commands.run import add_run
from mimic_checks.commands.scores import add_scores
from mimic_checks.options import OPTIONS, SWITCHES
from mimic_checks.processes import KEPT, Terminated, stoppable
from remedies.command import add_remedy

USAGE = 4
COMMANDS = (
    add_run,
    add_demo,
    add_describe,
    add_catalog,
    add_cases,
    add_replay,
    add_scores,
    add_report,
    add_compare,
    add_plan,
    add_burn_in,
    add_read,
    add_remedy,
)
"""What adds each subcommand, in the order in which people read them."""


class Parser(argparse.ArgumentParser):
    """Ends with the exit code of every other usage error; argparse's own is 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0 all pass, 1 a check failed, 4 usage error, 6
    inconclusive, 130 and 143 stopped by Ctrl-C and SIGTERM."""
    from mimic_checks.errors import UsageError

    speak_any_text()
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command not in ("run", "demo", "plan"):
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        with stoppable():
            code = int(options.work(options, rest))
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # `| head`: whoever read has enough
        _forget_output()
        return 128 + signal.SIGPIPE
    except UsageError as error:
        print(f"mimic-checks: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt as stopped:
        print(f"\nmimic-checks: stopped; {KEPT}", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(stopped, Terminated) else signal.SIGINT)


def _forget_output() -> None:
    """Keeps Python from writing once more, at its end, to a pipe that nobody reads."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def speak_any_text() -> None:
    """Has this process print what its terminal's encoding lacks as escapes: nothing that a model
    or a file name says ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="mimic-checks",
        description="Finds out where a vision-language model breaks on several images.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for add in COMMANDS:
        add(commands)
    _complete_help(commands)
    return parser


def _complete_help(commands: Any) -> None:
    """An option that a command shares with the plugin is described by the plugin's table, and a
    command without a description by its own line."""
    words = {f"--{option.name}": option.help for option in (*OPTIONS, *SWITCHES)}
    for line in commands._choices_actions:
        parser = commands.choices[line.dest]
        parser.description = parser.description or f"{line.help[0].upper()}{line.help[1:]}."
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                _complete_help(action)
            elif action.help is None and action.option_strings:
                action.help = words.get(action.option_strings[0])


if __name__ == "__main__":
    sys.exit(main())

"""Runs a command line of `sim`: every command is known here, and every failure is said in words."""

from __future__ import annotations

import sys

import typer

from fleet.trouble import Exit, Trouble
from simulators.cli import INTERRUPTED
from simulators.commands import chip, crash, demo, new, replay, shelf, story
from simulators.commands.app import app
from simulators.undisturbed import Interrupted

COMMANDS = (demo, shelf, replay, chip, new, crash, story)  # they have registered themselves


def run(arguments: list[str]) -> int:
    """The command with these arguments; its exit code. Every failure in words."""
    try:
        code = app(arguments, standalone_mode=False)
    except typer.Exit as leave:
        return int(leave.exit_code)
    except Interrupted:
        print(INTERRUPTED, file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return int(trouble.code)
    except (KeyboardInterrupt, typer.Abort):
        print(INTERRUPTED, file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except Exception as error:
        return _said_by_click(error)
    return int(code or 0)


def _said_by_click(error: Exception) -> int:
    """A usage error in click's own words; anything else is ours, and said in a line."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
        return int(getattr(error, "exit_code", Exit.USAGE))
    print(f"sim failed: {type(error).__name__}: {error}.\nEverything that was started has been stopped.\n"
          "Next: run it again with --keep FOLDER, and look at the logs there.", file=sys.stderr)  # fmt: skip
    return int(Exit.WRONG)

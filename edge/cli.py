"""`edge`: what a technician types at the pole, and what systemd starts.

Data goes to stdout, words to stderr. Beside a running agent `read`, `scan` and `status` ask it over its socket, so that
no bus or port is opened twice; without one, `read` and `scan` open what they need and let go. Only what a command needs
is loaded, for `edge run` shall stay small for years.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.trouble import INTERRUPTED, OK, REFUSED, UNREACHABLE, USAGE, WRONG, Trouble
from edge.wire.version import VERSION
from edge.wiring import Wiring

HOME = Path("/var/lib/lantaarn/node.toml")
LOG = "journalctl -u edge"
NOTHING_RECORDED = "Nothing was recorded."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Nothing but a named trouble or one line is ever shown, unless with --debug."""
    options = parser().parse_args(arguments)
    if options.debug:
        _overhear()
    work: Callable[[argparse.Namespace], int] = options.work
    try:
        return work(options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if options.debug:
            raise
        print(f"edge {options.command} failed: {type(error).__name__}: {error}", file=sys.stderr)
        print(f"What was committed is kept. More: {LOG}, or run it again with --debug", file=sys.stderr)
        return WRONG


def _overhear() -> None:
    """Show what drivers raise, here and nowhere else."""
    from traceback import print_exception

    from edge.runners.blame import overhear

    overhear(print_exception)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="edge", description="A sensor node on its pole.")
    top.add_argument("--version", action="version", version=f"lantaarn {VERSION}")
    top.add_argument("--debug", action="store_true", help="show the traceback of a fault of ours, or of a driver")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, work, words in (
        ("run", run, "measure, keep and publish until told to stop"),
        ("check", check, "check a board file and name every mistake in it"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("board", type=Path, nargs="?", help=f"the board file (default: ./node.toml or {HOME})")
        if work is check:
            command.add_argument("--simulated", action="store_true", help=argparse.SUPPRESS)
        command.set_defaults(work=work)
    for name, work, words in (
        ("read", read, "read a sensor now, or all of them"),
        ("scan", scan, "what answers on which bus, and which driver fits"),
        ("status", status, "how the running agent does"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        if name == "read":
            command.add_argument("sensor", nargs="?", help="its name on the board")
        command.add_argument("-b", "--board", type=Path, help=f"the board file (default: ./node.toml or {HOME})")
        command.add_argument("-o", "--output", choices=("table", "json"), default="table")
        command.set_defaults(work=work)
    _add_record(commands)
    _add_enrol(commands)
    return top


def _add_enrol(commands: Any) -> None:
    words = "fetch this node's certificate from the office"
    command = commands.add_parser("enrol", help=words, description=(
        f"{words}. The key is made here and stays here; a running agent does all this by itself."))
    command.add_argument("board", type=Path, nargs="?", help=f"the board file (default: ./node.toml or {HOME})")
    command.add_argument("--renew", action="store_true", help="although the certificate is good for long")
    command.set_defaults(work=enrol)


def _add_record(commands: Any) -> None:
    words = "write down what a sensor really says, as a transcript that tests play back"
    command = commands.add_parser("record", help=words, description=(
        f"{words}. Drivers whose bytes name people or their things are refused; sim replay FILE plays it back."))
    command.add_argument("sensor", help="its name on the board")
    command.add_argument("file", type=Path, help="the transcript to write; NAME.transcript, NAME-what.transcript")
    command.add_argument("-n", "--readings", type=_many, default=1, help="how many readings (default: 1)")
    command.add_argument("--seconds", type=_long, default=0.0, help="for how long instead; lines: default one window")
    command.add_argument("--agreed", action="store_true", help="the people who pass while it records have agreed")
    command.add_argument("-b", "--board", type=Path, help=f"the board file (default: ./node.toml or {HOME})")
    command.set_defaults(work=record)


def _many(text: str) -> int:
    if not 1 <= (number := int(text)) <= 100_000:
        raise argparse.ArgumentTypeError("must be 1 to 100000")
    return number


def _long(text: str) -> float:
    if not 0 < (seconds := float(text)) <= 86_400:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 86400, which is a day")
    return seconds


def board_of(options: argparse.Namespace) -> Path:
    """The board file that is meant."""
    here = Path("node.toml")
    named: Path = options.board or Path(os.environ.get("EDGE_BOARD", here if here.exists() else HOME))
    return named.absolute()


def wiring_of(options: argparse.Namespace) -> Wiring:
    """The last good board; a refused newer one is told on stderr. Raises Trouble."""
    wiring: Wiring = _loaded(options).wiring
    return wiring


def _loaded(options: argparse.Namespace) -> Any:
    from edge.boardfile import BoardError, load

    board = board_of(options)
    try:
        loaded = load(board)
    except BoardError as error:
        told = str(error)
        if f"edge check {board}" in told:
            raise Trouble(told, "", "", USAGE) from None
        raise Trouble(told, "Nothing was started.", _mend(board), USAGE) from None
    if loaded.refusal:
        print(f"{loaded.refusal}\nThe last good board stays in use.", file=sys.stderr)
    return loaded


def _able(loaded: Any) -> Any:
    """The board without the sensors whose drivers can no longer be had: one package less silences no other sensor."""
    from dataclasses import replace

    from edge.runners.roster import unable

    gone = unable(loaded.wiring.sensors)
    if not gone:
        return loaded
    why = "; ".join(f"{name} is left out: {reason}" for name, reason in gone.items())
    print(f"{why}\nAll other sensors work on. Mend it, then run: edge check", file=sys.stderr)
    sensors = tuple(plan for plan in loaded.wiring.sensors if plan.name not in gone)
    return replace(loaded, wiring=replace(loaded.wiring, sensors=sensors), refusal=loaded.refusal or why)


def _had(plans: list[Any], stand: str) -> None:
    """Raises Trouble when the driver of one of them can no longer be had."""
    from edge.runners.roster import unable

    for name, why in unable(plans).items():
        raise Trouble(f"{name} can not be read: {why}.", f"{stand} All others can be read by their names.",
                      "edge check")  # fmt: skip


def _mend(board: Path) -> str:
    return f"{'Mend it' if board.exists() else 'Write one'}, then run: edge check {board}"


def _real(wiring: Wiring, board: Path) -> None:
    """Raises Trouble for a board whose short windows would count single people at real pins."""
    if wiring.simulated:
        raise Trouble(f"The good board of {board} is one for the simulator only.", "No port was opened.",
                      _mend(board), REFUSED)  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """`edge run`"""
    loaded, board = _able(_loaded(options)), board_of(options)
    _real(loaded.wiring, board)
    from edge.journal.errors import JournalBusy, JournalError
    from edge.running import run as work

    try:
        return work(loaded, board)
    except JournalError as error:
        code = REFUSED if isinstance(error, JournalBusy) else WRONG
        raise Trouble(error.what, error.stand, error.remedy, code) from None


def check(options: argparse.Namespace) -> int:
    """`edge check`"""
    from edge.board import check as judge
    from edge.boardfile import read
    from edge.compile import refusal

    board = board_of(options)
    try:
        checked = judge(read(board).decode(), str(board), options.simulated)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Trouble(f"{board} cannot be read: {why}.", "Nothing was changed.", _mend(board), USAGE) from None
    if options.simulated:
        print("This is an answer for the simulator only: edge run will refuse windows that are too short.",
              file=sys.stderr)  # fmt: skip
    if checked.wiring is None:
        print(refusal(checked), file=sys.stderr)
        return USAGE
    from edge import plain

    rows = [(s.name, s.driver, s.bus, _where(s), f"{s.interval_ms / 1_000:g} s") for s in checked.wiring.sensors]
    print(plain.table(("SENSOR", "DRIVER", "BUS", "WHERE", "EVERY"), rows))
    sensors = "1 sensor" if len(rows) == 1 else f"{len(rows)} sensors"
    print(f"{board} is good: node {checked.wiring.node}, {sensors}.", file=sys.stderr)
    return OK


def _where(sensor: Any) -> str:
    pins = " ".join(f"{role}={pin}" for role, pin in sensor.pins.items())
    return pins or (f"0x{sensor.address:02x}" if sensor.address is not None else "-")


def enrol(options: argparse.Namespace) -> int:
    """`edge enrol`"""
    from edge.enrolled import enrol as work

    return work(wiring_of(options), options.renew)


def ask(wiring: Wiring, question: dict[str, object]) -> dict[str, Any] | None:
    """The running agent's answer; None when none runs. Raises Trouble."""
    from edge.asks import NoAgent
    from edge.asks import ask as put

    try:
        answer = put(Path(wiring.journal.folder), question)
    except NoAgent:
        return None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Trouble(f"The running agent cannot be asked: {why}.", "It was not disturbed.",
                      f"Try: sudo edge {question['ask']}", UNREACHABLE) from None  # fmt: skip
    if "error" in answer:
        raise Trouble(str(answer["error"]), "Nothing was changed.", "edge status shows what there is", USAGE)
    return answer


def read(options: argparse.Namespace) -> int:
    """`edge read`"""
    wiring = wiring_of(options)
    answer = ask(wiring, {"ask": "read", "sensor": options.sensor})
    answer = answer or _read_here(wiring, board_of(options), options.sensor)
    from edge import plain

    sensors: list[dict[str, Any]] = answer["sensors"]
    print(plain.as_json(answer) if options.output == "json" else plain.readings(sensors))
    return WRONG if any(sensor["error"] for sensor in sensors) else OK


def _read_here(wiring: Wiring, board: Path, name: str | None) -> dict[str, Any]:
    from edge.buses.system import system_ports
    from edge.clock import SystemClock
    from edge.live import read_once
    from edge.questions import told
    from edge.shared import shared

    _real(wiring, board)
    plans = [plan for plan in wiring.sensors if name in (None, plan.name)]
    if not plans:
        names = ", ".join(plan.name for plan in wiring.sensors) or "none"
        raise Trouble(f"There is no sensor {name or ''}; there are {names}.", "Nothing was changed.", "", USAGE)
    _had(plans, "Nothing was read.")
    clock = SystemClock()
    patients = read_once(plans, shared(system_ports(wiring.buses), clock), clock)
    return {"sensors": [told(patient, clock.boot_ms()) for patient in patients]}


def record(options: argparse.Namespace) -> int:
    """`edge record`"""
    wiring, board, file = wiring_of(options), board_of(options), options.file.absolute()
    _real(wiring, board)
    plan = next((plan for plan in wiring.sensors if plan.name == options.sensor), None)
    if plan is None:
        names = ", ".join(plan.name for plan in wiring.sensors) or "none"
        raise Trouble(f"There is no sensor {options.sensor}; there are {names}.", NOTHING_RECORDED, "", USAGE)
    if file.exists() or not os.access(file.parent, os.W_OK):
        why = "is there already" if file.exists() else "can not be written: its folder is not there, or not yours"
        raise Trouble(f"{file} {why}.", f"{NOTHING_RECORDED} It was left alone.", "Name another file.", REFUSED)
    if ask(wiring, {"ask": "status"}) is not None:
        raise Trouble("An agent runs on this board and holds its ports.", NOTHING_RECORDED,
                      "sudo systemctl stop edge, then record, then sudo systemctl start edge", REFUSED)  # fmt: skip
    _had([plan], NOTHING_RECORDED)
    found = _recorded(wiring, plan, options)
    if not found.good:
        causes = ", ".join(f"{cause} {count} times" for cause, count in found.causes.items()) or "silence"
        raise Trouble(f"{plan.name} gave no reading: {causes}.", NOTHING_RECORDED, f"edge read {plan.name}", WRONG)
    write_whole(file, found.text)
    print(f"{file}: {found.good} readings of {plan.name} ({plan.driver}). Play it back: sim replay {file}")
    return OK


def write_whole(file: Path, text: str) -> None:
    """A whole transcript, or none. Raises Trouble."""
    try:
        with open(file, "x", encoding="utf-8") as written:
            try:
                written.write(text)
                written.flush()
            except OSError:
                file.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise Trouble(f"{file} can not be written: {error.strerror}.", NOTHING_RECORDED,
                      "Name a file on another disk.") from error  # fmt: skip


def _recorded(wiring: Wiring, plan: Any, options: argparse.Namespace) -> Any:
    from drivers.errors import BusFault
    from edge.buses.system import system_ports
    from edge.clock import SystemClock, pause
    from edge.recording import Length, Unrecordable, origin
    from edge.recording import record as write_down
    from edge.shared import shared

    clock, length = SystemClock(), Length(options.readings, options.seconds)
    ports = shared(system_ports(wiring.buses), clock)
    try:
        return write_down(plan, ports, clock, pause, length, options.agreed, origin(plan))
    except KeyboardInterrupt:
        raise Trouble("It was interrupted.", NOTHING_RECORDED, "", INTERRUPTED) from None
    except Unrecordable as why:
        raise Trouble(f"{why}.", NOTHING_RECORDED, "", REFUSED) from None
    except BusFault as fault:
        raise Trouble(f"{plan.name} can not be recorded: {fault}.", NOTHING_RECORDED, f"edge read {plan.name}",
                      UNREACHABLE) from None  # fmt: skip


def scan(options: argparse.Namespace) -> int:
    """`edge scan`: works without a board too, for that is when it is needed."""
    wiring = wiring_of(options) if board_of(options).exists() else None
    answer = (ask(wiring, {"ask": "scan"}) if wiring else None) or _scan_here(wiring)
    from edge import plain

    print(plain.as_json(answer) if options.output == "json" else plain.scan(answer))
    return WRONG if any(bus["error"] for bus in answer["i2c"]) else OK


def _scan_here(wiring: Wiring | None) -> dict[str, Any]:
    from edge.buses.system import system_ports
    from edge.clock import SystemClock, pause
    from edge.shared import shared
    from edge.survey import survey

    ports = shared(system_ports(wiring.buses if wiring else ()), SystemClock())
    return survey(ports, pause, wiring.sensors if wiring else ())


def status(options: argparse.Namespace) -> int:
    """`edge status`"""
    answer = ask(wiring_of(options), {"ask": "status"})
    if answer is None:
        raise Trouble("No agent runs on this board.", "What it committed is kept.", "sudo systemctl start edge")
    from edge import plain

    print(plain.as_json(answer) if options.output == "json" else plain.status(answer))
    return WRONG if any(check["state"] == "bad" for check in answer["checks"]) else OK


if __name__ == "__main__":
    sys.exit(main())

"""`edge` as its own process: on this host's vitals, with a real broker, killed and stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from edge import cli
from edge.asks import NoAgent, ask
from edge.boardfile import load
from edge.runners import blame
from edge.scan import serial_ports
from edge.trouble import Trouble
from edge.wire.chunks import Schema, decode
from edge.wire.messages import Hello, Status, from_json
from edge.wire.record import RecordKind
from tests.edge.nats import HOST, Collector, collecting, nats, write_credentials

NODE = "pole-017"
ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
BOARD = """
[node]
id = "pole-017"
{office}
[journal]
folder = "journal"
commit_every = "200ms"
[[sensor]]
name = "host"
driver = "vitals"
interval = "{interval}"
"""


def write_board(folder: Path, port: int | None = None, interval: str = "1s") -> Path:
    office = f'[office]\nurl = "mqtt://{HOST}:{port}"\npublish_every = "0s"\nback_within = "2s"' if port else ""
    board = folder / "node.toml"
    board.write_text(BOARD.format(office=office, interval=interval))
    if port:
        write_credentials(folder / "credentials.json", port, NODE)
    return board


def edge(*words: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT, check=False)


@contextmanager
def agent(board: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "edge.cli", "run", str(board)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def status_of(board: Path) -> dict[str, object] | None:
    try:
        return ask(board.parent / "journal", {"ask": "status"})
    except (NoAgent, OSError, ValueError):
        return None


def counters(board: Path) -> dict[str, int]:
    status = status_of(board)
    found = status["counters"] if status else {}
    assert isinstance(found, dict)
    return found


def wait(condition: Callable[[], object], tries: int = 600) -> None:
    """A bounded wait: fails when this is not so after a minute of asking."""
    for _ in range(tries):
        if condition():
            return
        threading.Event().wait(0.1)
    raise AssertionError("waited in vain")


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(30)


def cells(office: Collector) -> int:
    schemas = [Schema.decode(r.body) for r in office.records.values() if r.kind == RecordKind.SCHEMA]
    known = {schema.key: schema for schema in schemas}
    return sum(len(decode(known.get, r.body).cells) for r in office.records.values() if r.kind == RecordKind.CHUNK)


def test_vitals_of_this_host_reach_a_real_broker_and_sigterm_commits_everything(tmp_path: Path) -> None:
    with nats(tmp_path / "broker", NODE) as broker, collecting(broker.port) as office:
        board = write_board(tmp_path, broker.port)
        with agent(board) as process:
            office.wait(lambda: cells(office) >= 8)
            assert from_json(Hello, office.last["hello"]).node == NODE
            assert from_json(Status, office.last["status"]).online
            assert stop(process) == 0
        office.wait(lambda: not from_json(Status, office.last["status"]).online)
        epoch = next(iter(office.records))[0]
        seqs = {seq for _, seq in office.records}
        assert seqs == set(range(1, max(seqs) + 1)) and {e for e, _ in office.records} == {epoch}
        assert b"agent stopped" in office.records[epoch, max(seqs)].body or any(
            b"agent stopped" in record.body for record in office.records.values()
        )


def test_sigkill_loses_nothing_that_was_journalled(tmp_path: Path) -> None:
    with nats(tmp_path / "broker", NODE) as broker, collecting(broker.port, acks=False) as office:
        board = write_board(tmp_path, broker.port)
        for life in range(3):
            with agent(board) as process:
                wait(lambda: counters(board).get("sampled", 0) >= 8)
                process.kill()
                process.wait()
            assert status_of(board) is None, life
        office.acks = True
        with agent(board) as process:
            office.wait(lambda: bool(office.records) and office.ack(next(iter(office.records))[0]).ranges == [])
            wait(lambda: counters(board).get("sampled", 0) >= 8)
            unclean = json.dumps(status_of(board))
            assert "ended uncleanly" in unclean
            assert stop(process) == 0
        hello = from_json(Hello, office.last["hello"])
        office.wait(lambda: max(seq for _, seq in office.records) >= hello.next)
        assert office.settled(hello.epoch).after(1) > hello.next, "whatever is not here was left out by a new life"
        stored = sum(record.count for record in office.records.values())
        assert cells(office) == stored >= hello.readings_total > 0


def test_without_an_office_it_journals(tmp_path: Path) -> None:
    board = write_board(tmp_path)
    with agent(board) as process:
        wait(lambda: counters(board).get("journalled", 0) >= 8)
        shown = edge("status", "-b", board)
        assert shown.returncode == 0 and "No office is set" in shown.stdout and "sensor.host" in shown.stdout
        live = edge("read", "host", "-b", board, "-o", "json")
        (sensor,) = json.loads(live.stdout)["sensors"]
        assert live.returncode == 0 and sensor["age_ms"] < 5_000
        assert {"cpu_load", "uptime"} <= {one["name"] for one in sensor["readings"]}
        unknown = edge("read", "nobody", "-b", board)
        assert unknown.returncode == 2 and "There is no sensor nobody; there are host." in unknown.stderr
        second = edge("run", board)
        assert second.returncode == 4 and "Another process writes the journal" in second.stderr
        assert "Traceback" not in second.stderr
        memory = Path(f"/proc/{process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in memory.splitlines() if line.startswith("VmRSS"))
        assert resident < 30 * 1024
        assert stop(process) == 0


NO_ROOM = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536));"
    "from edge.cli import main; sys.exit(main())"
)


def test_what_no_disk_takes_is_told_and_is_no_success(tmp_path: Path) -> None:
    board = write_board(tmp_path)
    command = [sys.executable, "-c", NO_ROOM, "run", str(board)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        wait(lambda: counters(board).get("sampled", 0) >= 8)
        sampled = counters(board)["sampled"]
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[1].splitlines()
    finally:
        process.kill()
    assert process.returncode == 1, said
    assert said[0].startswith(f"node {NODE} runs {board}; ") and "sensors: host (vitals at host)" in said[0]
    (bad,) = [line for line in said if line.startswith("journal is bad: ")]
    assert "kept in memory meanwhile" in bad and "dmesg" in bad
    found = re.fullmatch(r"Lost: (\d+) readings that were only in memory. .+ took is kept. .+", said[-1])
    assert found and int(found[1]) >= sampled
    assert not (tmp_path / "journal" / "segment-00000.journal").exists()


def test_a_run_that_keeps_everything_has_nothing_to_say_but_its_board(tmp_path: Path) -> None:
    board = write_board(tmp_path)
    with agent(board) as process:
        wait(lambda: counters(board).get("journalled", 0) >= 8)
        assert stop(process) == 0 and process.stderr is not None
        assert [line.partition(" ")[0] for line in process.stderr] == ["node"]


def test_nobody_counts_people_in_the_windows_of_the_simulator_at_real_pins(tmp_path: Path) -> None:
    board = write_board(tmp_path)
    gate = '[[sensor]]\nname = "gate"\ndriver = "dual_beam"\npins = { a = 17, b = 27 }\nwindow = "1s"\n'
    board.write_text(board.read_text() + gate)
    assert edge("run", "--simulated", board).returncode == 2
    assert not (tmp_path / "node.compiled.json").exists()
    judged = edge("check", "--simulated", board)
    assert judged.returncode == 0 and "for the simulator only" in judged.stderr
    wiring = load(board, simulated=True).wiring  # the simulator was here, and its board is the last good one
    assert wiring.simulated and wiring.sensors[1].interval_ms == 1_000
    for words in (("run", board), ("read", "-b", board)):
        refused = edge(*words)
        assert refused.returncode == 4 and "for the simulator only" in refused.stderr, refused
    assert not (tmp_path / "journal").exists()


def test_every_refusal_of_a_file_ends_with_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file once by a process of its own, the other words in this one."""
    (tmp_path / "latin.toml").write_bytes('[node]\nid = "pole-1"\n[site]\nname = "Plein é"\n'.encode("latin-1"))
    (tmp_path / "wrong.toml").write_text('[node]\nid = "x"\n')
    for at, file in enumerate(("latin.toml", "wrong.toml", "nowhere.toml")):
        board = tmp_path / file
        said = [["check", str(board)], ["run", str(board)], ["status", "-b", str(board)], ["read", "-b", str(board)]]
        apart = edge(*said.pop(at))
        answers = [(apart.returncode, apart.stderr), *((cli.main(words), capsys.readouterr().err) for words in said)]
        for code, told in answers:
            lines = told.splitlines()
            assert code == 2 and len(lines) >= 3, told
            assert lines[-1].endswith(f"edge check {board}") and "Nothing was" in told
            assert "codec" not in told


def test_a_refused_board_leaves_the_last_good_one_in_use_and_says_so(tmp_path: Path) -> None:
    board = write_board(tmp_path)
    with agent(board) as process:
        wait(lambda: status_of(board))
        assert stop(process) == 0
    good = board.read_text()
    board.write_text(good.replace("vitals", "vitale").replace('"200ms"', '"never"'))
    refused = edge("check", board)
    assert refused.returncode == 2 and "vitale" in refused.stderr and "never" in refused.stderr
    with agent(board) as process:
        wait(lambda: counters(board).get("sampled", 0) >= 4)
        shown = edge("status", "-b", board)
        assert shown.returncode == 1 and "The newest board was refused" in shown.stdout
        assert stop(process) == 0
        assert process.stderr is not None
        told = process.stderr.read()
        assert "vitale" in told and "The last good board stays in use" in told and "Traceback" not in told
    (tmp_path / "node.compiled.json").unlink()
    nothing = edge("run", board)
    assert nothing.returncode == 2 and "vitale" in nothing.stderr and "Traceback" not in nothing.stderr
    board.write_text(good)
    assert edge("check", board).returncode == 0


def test_a_driver_that_is_gone_silences_no_other_sensor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = write_board(tmp_path)
    board.write_text(board.read_text() + '[[sensor]]\nname = "air"\ndriver = "sht31"\nbus = "i2c-1"\n')
    assert edge("check", board).returncode == 0 and load(board).wiring
    good = (tmp_path / "node.compiled.json").read_text()
    (tmp_path / "node.compiled.json").write_text(good.replace('"sht31"', '"guest"'))  # its package was removed since
    with agent(board) as process:
        wait(lambda: counters(board).get("sampled", 0) >= 4)
        shown = edge("status", "-b", board)
        assert shown.returncode == 1 and "air is left out: no driver 'guest' is installed any more" in shown.stdout
        assert stop(process) == 0 and process.stderr is not None
        assert "All other sensors work on." in process.stderr.read()
    for words in (["read", "-b", str(board)], ["record", "air", str(tmp_path / "x"), "-b", str(board)]):
        assert cli.main(words) == 1
        told = capsys.readouterr()
        assert "air can not be read: no driver 'guest'" in told.err and "edge check" in told.err and not told.out


def test_a_good_board_is_compiled_once(tmp_path: Path) -> None:
    board = write_board(tmp_path)
    assert edge("status", "-b", board).returncode == 1
    compiled = tmp_path / "node.compiled.json"
    before = compiled.stat().st_ino
    assert edge("status", "-b", board).returncode == 1
    assert compiled.stat().st_ino == before
    board.write_text(board.read_text() + "\n# changed\n")
    edge("status", "-b", board)
    assert compiled.stat().st_ino != before


def test_commands_without_an_agent(tmp_path: Path) -> None:
    board = write_board(tmp_path)
    lonely = edge("status", "-b", board)
    assert (lonely.returncode, lonely.stdout) == (1, "") and "No agent runs" in lonely.stderr
    read = edge("read", "-b", board)
    assert read.returncode == 0 and "uptime" in read.stdout
    assert edge("read", "x", "-b", board).returncode == 2
    missing = edge("run", tmp_path / "other.toml")
    assert missing.returncode == 2 and "cannot be read" in missing.stderr
    assert edge("nonsense").returncode == 2
    assert "run" in edge("--help").stdout


@contextmanager
def in_use() -> Iterator[None]:
    """The serial ports of this machine: a scan leaves them alone, which else would listen to each for a while."""
    with ExitStack() as stack:
        for found in serial_ports():
            try:
                stack.callback(os.close, os.open(found.device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
            except OSError:  # nor can a scan
                continue
        yield


def test_a_missing_bus_is_a_sentence(tmp_path: Path) -> None:
    board = write_board(tmp_path)
    sensor = '[[sensor]]\nname = "air"\ndriver = "sht31"\nbus = "i2c-77"\n'
    board.write_text(board.read_text() + sensor)
    read = edge("read", "air", "-b", board)
    assert read.returncode == 1 and "/dev/i2c-77" in read.stdout and "Traceback" not in read.stderr
    with in_use():
        scan = edge("scan", "-b", board)
    assert scan.returncode == 1 and "/dev/i2c-77" in scan.stdout


def test_a_fault_of_ours_is_one_line_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(options: object) -> None:
        raise RuntimeError("gears")

    monkeypatch.setattr(cli, "wiring_of", broken)
    assert cli.main(["status"]) == 1
    told = capsys.readouterr().err
    assert "edge status failed: RuntimeError: gears" in told and "Traceback" not in told and "journalctl" in told
    with pytest.raises(RuntimeError):
        cli.main(["--debug", "status"])


def test_what_a_driver_raises_is_shown_to_whoever_asks_for_it_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(blame, "_listeners", [])
    monkeypatch.setattr(cli, "status", lambda options: print(blame.blame(ValueError("canary"))) or 0)
    assert cli.main(["status"]) == 0
    assert "canary" not in "".join(capsys.readouterr())
    assert cli.main(["--debug", "status"]) == 0
    out, err = capsys.readouterr()
    assert out == "ValueError\n" and "ValueError: canary" in err


def test_trouble_is_told_in_three_sentences() -> None:
    assert str(Trouble("It broke.", "Nothing is lost.", "edge status")) == "It broke.\nNothing is lost.\nedge status"

"""The shim fools Python, OpenSSL and the kernel's own word on the clock, and no clock that counts from the start."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleet.broker import free_port
from fleet.servers import NATS
from tests.enrolment.shift import DAY_S, Shift, for_nats, shifted
from tests.fleet.pole import wait_for

pytestmark = pytest.mark.once
CLOCKS = """
import datetime, json, time
from edge.clock import SystemClock
said = SystemClock().said()
print(json.dumps([time.time(), time.time_ns() / 1e9, datetime.datetime.now(datetime.UTC).timestamp(),
                  time.clock_gettime(time.CLOCK_REALTIME), said.wall_ms / 1000, SystemClock().wall_ms() / 1000]))
print(json.dumps([time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)]))
print(said.quality.word)
"""
HANDSHAKE = """
import ssl, sys
def pair(file):
    here, there = ssl.create_default_context(cafile=file), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    there.load_cert_chain(file)
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    return here.wrap_bio(a, b, server_hostname="office"), there.wrap_bio(b, a, server_side=True)
def step(end):
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
ends = pair(sys.argv[1])
try:
    while not all([step(end) for end in ends]):
        pass
    print("welcome")
except ssl.SSLCertVerificationError as error:
    print(error.verify_message)
"""


def told(code: str, environment: dict[str, str], *arguments: str) -> list[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize(("seconds", "synced"), [(-1_700_000_000, False), (400 * DAY_S, True), (0, True)])
def test_every_way_to_ask_for_the_time_is_shifted(seconds: int, synced: bool) -> None:
    real, steady, word = told(CLOCKS, shifted(seconds, synced))
    assert json.loads(real) == pytest.approx([time.time() + seconds] * 6, abs=60)
    now = [time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)]
    assert json.loads(steady) == pytest.approx(now, abs=60)
    assert word == ("synced" if synced else "unknown")


def test_a_shift_moves_under_a_process_that_runs(tmp_path: Path) -> None:
    shift = Shift(tmp_path / "shift", -5 * DAY_S)
    code = "import time\nwhile input(): print(time.time(), flush=True)"
    with subprocess.Popen([sys.executable, "-c", code], env=shift.environment, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as asked:  # fmt: skip
        for days in (-5, 395, 20_000):
            shift.to(days * DAY_S)
            assert ask(asked) == pytest.approx(time.time() + days * DAY_S, abs=60)
            shift.by_days(1)
            assert ask(asked) == pytest.approx(time.time() + (days + 1) * DAY_S, abs=60)


def ask(process: subprocess.Popen[str]) -> float:
    assert process.stdin and process.stdout
    process.stdin.write("x\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def test_a_nats_server_lives_at_that_time_too(tmp_path: Path) -> None:
    """Started as the office does, through `execv` of a process under the shim."""
    for_nats()
    shift = Shift(tmp_path / "shift", 1_000 * DAY_S)
    log, config = tmp_path / "log", tmp_path / "conf"
    config.write_text(f'host: 127.0.0.1\nport: {free_port()}\nlog_file: "{log}"\nlogtime_utc: true\n')
    start = f"import os; os.execv({NATS.find()!r}, {NATS.command(config)!r})"
    with subprocess.Popen([sys.executable, "-c", start], env=shift.environment) as server:
        wait_for(lambda: "Server is ready" in heard(log), "the server")
        year = time.gmtime(time.time() + 1_000 * DAY_S).tm_year
        assert f"{year}/" in heard(log) and NATS.program in Path(f"/proc/{server.pid}/cmdline").read_text()
        shift.by_days(365 * 4)
        server.terminate()
        wait_for(lambda: f"{year + 4}/" in heard(log), "a line of that year")


def heard(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def test_nobody_can_set_the_machines_clock_from_under_it() -> None:
    if os.geteuid():
        pytest.skip("NOT TESTED: that root cannot set the clock needs root")
    told_of = "import time\ntry:\n time.clock_settime(time.CLOCK_REALTIME, 0)\nexcept PermissionError: print('refused')"
    assert told(told_of, shifted(0)) == ["refused"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "welcome"), (-50 * 365 * DAY_S, "certificate is not yet valid"), (400 * DAY_S, "certificate has expired")],
)
def test_openssl_judges_a_certificate_by_the_shifted_clock(seconds: int, said: str, tmp_path: Path) -> None:
    assert told(HANDSHAKE, shifted(seconds), str(certificate(tmp_path))) == [said]


def certificate(folder: Path) -> Path:
    """One that is valid for a year from yesterday, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("office")])
    made = (x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(365))
            .add_extension(names, True).add_extension(x509.BasicConstraints(True, None), True)
            .sign(key, hashes.SHA256()))  # fmt: skip
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())  # fmt: skip
    (folder / "both.pem").write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return folder / "both.pem"


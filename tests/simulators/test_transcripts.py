"""Every transcript file is played through its driver, and the player itself is seen to refuse what deviates."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.catalog import CATALOG
from simulators.replay import Unreadable, parse, play_transcript
from simulators.transcript import Deviation

FOLDER = Path(__file__).parents[1] / "transcripts"
FILES = sorted(FOLDER.glob("*.transcript"))
SHT31 = """# Source: datasheet SHT3x-DIS; bytes from vectors sht31-01, sht31-08.
driver sht31
> setup
w 3093
p 1
w f32d
p 1
r 8010e1
w 3041
p 1
> read
w 2400
p 16
r 6667a2 5eb93c
= temperature 25.003 0.001
= humidity 37.002 0.001
> read
w 2400
p 16
r 6667a3 5eb93c
! checksum
> read
w 2400 !nack
! nack
> probe
w f32d
p 1
r 8010e1
= true
> probe
w f32d !nack
= false
"""
SDS011 = """# Source: vector pub-001.
driver sds011
> hear @1000
s 00
s aac0d4043a0aa1601dab aac0d4043a0aa1601dab
! framing
= pm2_5 123.6
= pm10 261.8
--
= pm2_5 123.6
= pm10 261.8
"""
BEAM = """# Source: reference, dual beam.
driver dual_beam
> watch
e 1000 a 1
e 2000 b 1
e 3000 a 0
e 4000 b 0
> close @300000000
= count.in 1
= count.out 0
= count_total.in 1
= count_total.out 0
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_driver_follows_its_transcript(file: Path) -> None:
    play_transcript(file.read_text("utf-8"))
    assert file.stem.partition("-")[0] == parse(file.read_text("utf-8")).driver


@pytest.mark.parametrize("name", CATALOG)
def test_every_driver_has_a_transcript(name: str) -> None:
    assert (FOLDER / f"{name}.transcript").is_file(), f"write tests/transcripts/{name}.transcript"


@pytest.mark.parametrize("text", [SDS011, BEAM], ids=["stream", "lines"])
def test_streams_and_lines_are_played_too(text: str) -> None:
    play_transcript(text)


@pytest.mark.parametrize(
    ("text", "old", "new", "why"),
    [
        (SHT31, "w 3093", "w 3094", "step 1"),
        (SHT31, "p 16", "p 15", "p 15"),
        (SHT31, "= temperature 25.003", "= temperature 25.013", "temperature is"),
        (SHT31, "= humidity 37.002 0.001\n", "", "not expected"),
        (SHT31, "= humidity 37.002 0.001", "= humidity 37.002 0.001 warming", "flagged"),
        (SHT31, "! checksum", "! framing", "checksum"),
        (SHT31, "! nack\n", "", "nack"),
        (SHT31, "= true", "= false", "probe"),
        (SHT31, "w 3041\np 1\n", "", "goes on"),
        (SHT31, "w f32d !nack\n= false", "w f32d !nack\nw f32d\n= false", "ends before"),
        (SDS011, "= pm2_5 123.6", "= pm2_5 123.7", "pm2_5 is"),
        (SDS011, "! framing\n", "", "counted"),
        (SDS011, "--\n= pm2_5 123.6\n= pm10 261.8\n", "", "2 sets"),
        (BEAM, "= count.in 1", "= count.in 0", r"count\.in is"),
        (BEAM, "> watch", "> hear", "no such part"),
    ],
)
def test_a_planted_deviation_is_told(text: str, old: str, new: str, why: str) -> None:
    assert old in text
    with pytest.raises(Deviation, match=why):
        play_transcript(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("driver sht31\n> read\n", "Source"),
        ("# Source: x\n> read\n", "names its driver"),
        ("# Source: x\ndriver sht31\n", "one part"),
        ("# Source: x\ndriver sht31\nw 00\n", "line 3"),
        ("# Source: x\ndriver sht31\n> dance\n", "line 3"),
        ("# Source: x\ndriver sht31\n> read\nq 00\n", "line 4"),
        ("# Source: x\ndriver sht31\n> read\n= temperature warm\n", "line 4"),
        ("# Source: x\nknown warmth 3\n", "line 2"),
    ],
)
def test_what_is_no_transcript_is_refused_by_its_line(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        play_transcript(text)


def test_what_was_recorded_on_hardware_is_known() -> None:
    assert not parse(SHT31).recorded
    assert parse(SDS011.replace("vector pub-001", "recorded on hardware: SDS011, 2026-11-20")).recorded

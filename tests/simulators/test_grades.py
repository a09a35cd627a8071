"""Grades are computed from proofs: whatever proof is taken away, the grade goes down, and it is said what lacks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.driver import Driver
from drivers.reading import Quantity
from drivers.sht31 import SHT31
from simulators import evidence
from simulators.chips.sht31 import SHT31 as SimulatedSHT31
from simulators.commands.run import run
from simulators.grades import Proven, proven
from simulators.introduce import introduced

ROOT = Path(__file__).parents[2]
CACHED = (evidence.transcripts, evidence.vectors, evidence.witnesses)
Capture = pytest.CaptureFixture[str]
NOBODY = '[[witness]]\nname = "x"\ndriver = "nobody"\npackage = "p"\nset = "a"\nmodule = "m"\nbus = "i2c"\n'


@pytest.fixture
def proofs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the proofs of one driver, from which some can be taken away."""
    for what in ("transcripts/sht31.transcript", "vectors/vectors-readings.json", "oracles/witnesses.toml"):
        (tmp_path / what).parent.mkdir()
        shutil.copy(ROOT / "tests" / what, tmp_path / what)
    monkeypatch.setattr(evidence, "CHECKOUT", tmp_path)
    monkeypatch.setattr(evidence, "PACKED", tmp_path / "none")
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    for each in CACHED:
        each.cache_clear()


def judged(change: Callable[[], object] = lambda: None) -> Proven:
    """SHT31 after this change of its proofs."""
    change()
    _forget()
    return proven("sht31")


def test_gold_is_confirmed_by_somebody_else(proofs: Path) -> None:
    whole = judged()
    assert (whole.grade, whole.lacks, whole.transcripts) == ("gold", "", 1)
    assert whole.vectors > 0 and whole.witnesses == ("sensirion-i2c-sht3x",)


def test_without_a_witness_it_is_silver_and_with_a_recording_gold_again(proofs: Path) -> None:
    less = judged(lambda: (proofs / "oracles" / "witnesses.toml").write_text(NOBODY))
    assert (less.grade, less.witnesses) == ("silver", ())
    assert "nobody else's driver" in less.lacks
    file = proofs / "transcripts" / "sht31.transcript"
    recorded = file.read_text().replace("Source: datasheet", "Source: recorded on hardware: datasheet", 1)
    assert judged(lambda: file.write_text(recorded)).grade == "gold"


def test_a_vector_that_fails_leaves_bronze(proofs: Path) -> None:
    file = proofs / "vectors" / "vectors-readings.json"
    tree = json.loads(file.read_text())
    mine = next(vector for vector in tree["vectors"] if vector["driver"] == "sht31" and vector.get("expect"))
    mine["expect"]["temperature"] = {"value": 99.0, "tolerance": 0.01}
    less = judged(lambda: file.write_text(json.dumps(tree)))
    assert (less.grade, less.lacks) == ("bronze", "1 byte vectors fail")


SPOILS: dict[str, Callable[[Path], object]] = {
    "gone": lambda file: file.unlink(),
    "unreadable": lambda file: file.write_text("# no source\ndriver sht31\n"),
    "not followed": lambda file: file.write_text(file.read_text().replace("w 2400", "w 2401")),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_without_a_transcript_that_it_follows_it_is_nothing(spoil: Callable[[Path], object], proofs: Path) -> None:
    less = judged(lambda: spoil(proofs / "transcripts" / "sht31.transcript"))
    assert (less.grade, less.transcripts, less.lacks) == ("none", 0, "no transcript that it follows")


class Undocumented(SHT31):
    """It does not name its datasheet."""

    datasheet = ""


class Numb(SimulatedSHT31):
    """It can not feel all that is measured."""

    resolves = {Quantity.TEMPERATURE: 0.01}  # noqa: RUF012


@pytest.mark.parametrize(
    ("driver", "chip", "grade", "lacks"),
    [(Undocumented, SimulatedSHT31, "none", "datasheet"), (SHT31, Numb, "bronze", "feel all that it measures"),
     (SHT31, SimulatedSHT31, "gold", "")],
)  # fmt: skip
def test_what_the_two_classes_lack(
    driver: type[Driver], chip: type[SimulatedSHT31], grade: str, lacks: str, proofs: Path
) -> None:
    with introduced(driver, chip):
        found = judged()
    assert (found.grade, lacks in found.lacks) == (grade, True)


def test_the_shelf_as_json(capsys: Capture) -> None:
    assert run(["shelf", "-o", "json", "sht31", "dual_beam"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["drivers"]
    assert [(one["name"], one["bus"]) for one in told["drivers"]] == [("sht31", "i2c"), ("dual_beam", "lines")]
    assert {one["grade"] for one in told["drivers"]} <= {"none", "bronze", "silver", "gold"}


def test_the_shelf_as_a_table(capsys: Capture) -> None:
    assert run(["shelf", "-o", "wide", "sht31"]) == 0
    said = capsys.readouterr().out
    assert "sensirion-i2c-sht3x" in said and "1 drivers: 1 gold, 0 silver, 0 bronze." in said
    assert run(["shelf", "-o", "name", "sht31"]) == 0
    assert capsys.readouterr().out == "sht31\n"
    assert run(["shelf", "lidar"]) == 2
    assert "There is no driver 'lidar'" in capsys.readouterr().err


def test_an_installation_without_proofs_says_so(proofs: Path, capsys: Capture) -> None:
    shutil.rmtree(proofs / "transcripts")
    _forget()
    assert run(["shelf"]) == 4
    assert "not part of this installation" in capsys.readouterr().err

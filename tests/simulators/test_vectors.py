"""The player of vectors: it passes what is right and nothing else. Every public vector, then every way to be wrong."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalog import CATALOG, driver
from simulators.vectors import FAIL, NO_DRIVER, PASS, Unusable, judge, load, main

FILE = Path(__file__).parents[1] / "vectors" / "vectors-readings.json"
PUBLIC = load(FILE)
OURS = [vector for vector in PUBLIC if vector["driver"] in CATALOG]
WITH_VALUES = [v for v in OURS if v.get("expect") or any(v.get("expect_sequence", []))]

SDS: dict[str, Any] = {
    "id": "x",
    "driver": "sds011",
    "door": {"stream": "aac0d4043a0aa1601dab"},
    "config": {},
    "expect_sequence": [{"pm2_5": 123.6, "pm10": 261.8}],
    "tolerance": {"*": 1e-6},
    "expect_error": None,
}
HURT = {"stream": "aac07b00c801a16044ab"}
BAD: dict[str, Any] = {**SDS, "door": HURT, "expect_sequence": [], "expect_error": "checksum"}
WRONG = {"pm10": 1.0}


def but(vector: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(vector), **changes}


@pytest.mark.parametrize("vector", PUBLIC, ids=lambda vector: str(vector["id"]))
def test_public_vectors(vector: dict[str, Any]) -> None:
    verdict = judge(vector)
    assert verdict.result == (PASS if vector["driver"] in CATALOG else NO_DRIVER), verdict.difference


WITHOUT_VECTORS = {
    "alphasense", "analog", "anemometer", "contact", "ds18b20", "loop", "modbus", "pcf8563", "pir",
    "pulse_counter", "rain", "sdm630", "sen0232", "sps30_uart", "ld2450", "ops243", "serial_text",
    "tca9548a", "mcp23017", "sc16is752",
}  # fmt: skip


def test_every_driver_has_vectors_or_is_known_to_have_none() -> None:
    without = set(CATALOG) - {vector["driver"] for vector in OURS}
    assert without == WITHOUT_VECTORS, "give it vectors in tests/vectors, or name it in WITHOUT_VECTORS above"


@pytest.mark.parametrize("vector", WITH_VALUES, ids=lambda vector: str(vector["id"]))
def test_a_planted_wrong_value_fails(vector: dict[str, Any]) -> None:
    sets = vector.get("expect_sequence") or [vector["expect"]]
    for name, value in sets[0].items():
        if value is None:
            continue
        planted = copy.deepcopy(vector)
        wrong = (planted.get("expect_sequence") or [planted["expect"]])[0]
        off = 2 * max(planted["tolerance"].get(name, planted["tolerance"].get("*", 0)), 0.001)
        wrong[name] = value + off
        verdict = judge(planted)
        assert verdict.result == FAIL
        assert name in verdict.difference


@pytest.mark.parametrize("vector", OURS, ids=lambda vector: str(vector["id"]))
def test_an_empty_or_foreign_door_fails(vector: dict[str, Any]) -> None:
    doors: tuple[Any, ...] = ({}, None, {"levers": "00"}, [])
    for door in doors:
        assert judge(but(vector, door=door)).result == FAIL


@pytest.mark.parametrize("vector", OURS, ids=lambda vector: str(vector["id"]))
def test_an_error_expected_of_a_sound_vector_fails_and_the_other_way_round(vector: dict[str, Any]) -> None:
    sets = [vector.get("expect") or {}, *vector.get("expect_sequence", [])]
    values = any(value is not None for one in sets for value in one.values())
    if values and vector["expect_error"] is None and vector["id"] != "pub-015":  # noise before it is an error told
        assert judge(but(vector, expect_error="checksum")).result == FAIL
    if vector["expect_error"] is not None:
        assert not values
        assert judge(but(vector, expect_error=None, expect=WRONG, expect_sequence=[WRONG])).result == FAIL


@pytest.mark.parametrize(
    ("changed", "result"),
    [
        (SDS, PASS),
        (but(SDS, expect_sequence=[{"pm2_5": 123.6}]), PASS),
        (but(SDS, expect_sequence=[{"pm2_5": 123.6, "co2": None}]), PASS),
        (but(SDS, expect_sequence=[{"pm2_5": None}]), FAIL),
        (but(SDS, expect_sequence=[{"pm1": 5.0}]), FAIL),
        (but(SDS, expect_sequence=[]), FAIL),
        (but(SDS, expect_sequence=[{"pm2_5": 123.6}] * 2), FAIL),
        (but(SDS, expect_sequence=[{"pm2_5": float("nan")}]), FAIL),
        (but(SDS, door={"stream": SDS["door"]["stream"] * 2}, expect_sequence=[{"pm10": 261.8}] * 2), PASS),
        (but(SDS, door={"stream": SDS["door"]["stream"][:-2]}, expect_sequence=[], expect_error="truncated"), PASS),
        (but(SDS, door={"stream": "aac5070f070aa16028ab"}, expect_sequence=[]), PASS),
        (but(SDS, door={"stream": "aac5070f070aa16028ab"}, expect_sequence=[], expect_error="framing"), FAIL),
        (but(SDS, door={"stream": "zz"}), FAIL),
        (but(SDS, door={"stream": ""}, expect_sequence=[], expect_error="timeout"), PASS),
        (but(SDS, door={"stream": ""}), FAIL),
        (but(SDS, config={"working_period": 99}), FAIL),
        (but(SDS, config={"of_another_driver": 1}), PASS),
        (but(SDS, driver="nobody"), NO_DRIVER),
        (but(BAD), PASS),
        (but(BAD, expect_error=None), PASS),
        (but(BAD, expect_sequence=[{"pm2_5": 12.3}]), FAIL),
        (but(BAD, expect_sequence=[{"pm2_5": None}]), PASS),
        (but(BAD, door={"stream": BAD["door"]["stream"] + SDS["door"]["stream"]}), FAIL),
        (
            but(
                BAD,
                door={"stream": BAD["door"]["stream"] + SDS["door"]["stream"]},
                expect_sequence=[{"pm2_5": 123.6}],
            ),
            PASS,
        ),
        ({"id": "y", "driver": "sds011", "door": SDS["door"]}, FAIL),
        (but(SDS, tolerance={}, expect_sequence=[{"pm2_5": 123.6}]), PASS),
        (but(SDS, tolerance=None, expect_sequence=[{"pm2_5": 123.6000001}]), FAIL),
    ],
)
def test_judgement(changed: dict[str, Any], result: str) -> None:
    verdict = judge(changed)
    assert verdict.result == result, verdict
    assert bool(verdict.difference) == (result == FAIL)


def test_unknown_settings_are_told() -> None:
    assert "of_another_driver" in judge(but(SDS, config={"of_another_driver": 1})).note


def test_a_sibling_is_named_by_its_chip() -> None:
    frame = "424d001c" + "0001" * 10 + "ffb5" + "0264" + "9700"
    frame += f"{sum(bytes.fromhex(frame)):04x}"
    asked = {"id": "t", "driver": "pms5003", "chip": "PMS5003T", "door": {"stream": frame},
             "expect_sequence": [{"temperature": -7.5, "humidity": 61.2, "nc_gt10": None}]}  # fmt: skip
    assert judge(asked).result == PASS
    assert judge(but(asked, chip="pms5003")).result == FAIL


def test_several_answers_of_one_device_are_read_one_after_the_other() -> None:
    asked = {"id": "m", "driver": "mhz19", "door": {"reply": "ff86026047000000d1ff86019f3e002a1062"},
             "expect_sequence": [{"co2": 608}, {"co2": 415}]}  # fmt: skip
    assert judge(asked).result == PASS
    assert judge(but(asked, expect_sequence=[{"co2": 608}] * 2)).result == FAIL


@pytest.mark.parametrize(
    ("order", "expect", "result"),
    [
        ("a1 b1 a0 b0", {"count.in": 1, "count.out": 0, "count_total.in": 1}, PASS),
        ("b1 a1 b0 a0", {"count.in": 0, "count.out": 1}, PASS),
        ("a1 b1 b0 a0", {"count.in": 0, "count.out": 0}, PASS),
        ("a1 b1 a0 b0", {"count.in": 0, "count.out": 1}, FAIL),
        ("a1 b1 a0 b0 " * 400, {"count.in": 400}, PASS),
    ],
)
def test_edges(order: str, expect: dict[str, float], result: str) -> None:
    edges = [{"t_us": 1000 * n, "line": e[0], "level": int(e[1])} for n, e in enumerate(order.split())]
    assert judge({"id": "e", "driver": "dual_beam", "door": {"edges": edges}, "expect": expect}).result == result


def test_a_long_stream_is_played_whole() -> None:
    asked = but(SDS, door={"stream": SDS["door"]["stream"] * 1000}, expect_sequence=[{"pm2_5": 123.6}] * 1000)
    assert judge(asked).result == PASS


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["id", "chip", "door", "config", "expect", "expect_sequence", "tolerance", "expect_error"]


@given(
    name=st.sampled_from(list(CATALOG)),
    rest=st.dictionaries(st.sampled_from(KEYS), json_values, max_size=8),
)
def test_any_json_is_judged_and_never_crashes(name: str, rest: dict[str, Any]) -> None:
    assert judge({"driver": name, **rest}).result in (PASS, FAIL)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 1, "vectors": []}', '{"format": 2}', '{"format": 2, "vectors": [1]}']
)
def test_unusable_files(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "v.json").write_text(content)
    assert main([str(tmp_path / "v.json")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "v.json" in err
    assert len(err.splitlines()) == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"nowhere\.json"):
        load(tmp_path / "nowhere.json")


@pytest.mark.parametrize(("vectors", "code"), [([SDS], 0), ([SDS, but(SDS, driver="nobody")], 0),
                                               ([SDS, but(SDS, expect_sequence=[])], 1), ([], 0)])  # fmt: skip
def test_exit_codes_and_json(
    vectors: list[dict[str, Any]], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "v.json").write_text(json.dumps({"format": 2, "vectors": vectors}))
    assert main([str(tmp_path / "v.json"), "-o", "json"]) == code
    rows = json.loads(capsys.readouterr().out)["vectors"]
    assert [(row["id"], row["driver"]) for row in rows] == [(v["id"], v["driver"]) for v in vectors]
    assert all(bool(row["difference"]) == (row["result"] == FAIL) for row in rows)


def test_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulators.vectors", str(FILE)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith(f"{len(OURS)} pass, 0 fail")


def test_names_are_those_of_the_drivers() -> None:
    assert all(driver(vector["driver"]).name == vector["driver"] for vector in OURS)

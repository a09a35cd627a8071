"""The pure parts of the judge: which files, which counts, which survivors still want a reason."""

from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.areas import AREAS, Area, chosen
from tests.mutants.tally import Tally, sample, table, tally, verdicts

ROOT = Path(__file__).parent.parent.parent
PRINTED = """\
    edge.floor.x_read__mutmut_1: killed
    edge.floor.x_read__mutmut_2: survived
    edge.clock.xǁHostClockǁboot_ms__mutmut_1: no tests
    edge.clock.xǁHostClockǁboot_ms__mutmut_2: timeout
    edge.clock.xǁHostClockǁboot_ms__mutmut_3: not checked
"""


@pytest.mark.parametrize("area", AREAS.values(), ids=lambda area: area.name)
def test_what_an_area_names_is_there(area: Area) -> None:
    patterns = (*area.code, *area.tests, *(test.split("::")[0] for test in area.besides))
    assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []


def test_no_file_is_judged_twice() -> None:
    files = Counter(file for area in AREAS.values() for pattern in area.code for file in ROOT.glob(pattern))
    assert [file for file, times in files.items() if times > 1] == []


def test_an_area_is_chosen_by_its_name() -> None:
    assert [area.name for area in chosen("all")] == ["journal", "chunk", "uplink", "time"]
    assert [area.name for area in chosen("time")] == ["time"]
    with pytest.raises(ValueError, match="journal, chunk, uplink, time, all"):
        chosen("tea")


def test_the_score_counts_what_was_noticed_among_what_was_run() -> None:
    found = tally("time", verdicts(PRINTED), "")
    assert (found.judged, found.score) == (4, 50.0)
    assert found.unlisted == ["edge.clock.xǁHostClockǁboot_ms__mutmut_1", "edge.floor.x_read__mutmut_2"]
    assert Tally("time", Counter()).score == 0.0


def test_a_mutant_that_ended_strangely_was_not_noticed() -> None:
    assert tally("time", {"a.x_b__mutmut_1": "killed", "a.x_b__mutmut_2": "suspicious"}, "").score == 50.0


def test_a_page_may_name_a_survivor_in_full_or_by_its_function() -> None:
    page = "| `x_read__mutmut_2`, `edge.clock.xǁHostClockǁboot_ms__mutmut_1` | why |"
    assert tally("time", verdicts(PRINTED), page).unlisted == []
    assert tally("time", verdicts(PRINTED), "| `x_read__mutmut_21` | `read__mutmut_2` |").unlisted != []


def test_the_same_seed_takes_the_same_sample() -> None:
    names = [f"n{number}" for number in range(100)]
    assert sample(names, 10, 7) == sample(reversed(names), 10, 7) != sample(names, 10, 8)
    assert sample(names, 1000, 7) == sorted(names)


def test_the_table_has_one_line_an_area_and_names_who_wants_a_reason() -> None:
    head, line, _, listed, *names = table([tally("time", verdicts(PRINTED), "")]).splitlines()
    assert head.split() == ["area", "mutants", "killed", "timeout", "survived", "no", "tests", "other", "score"]
    assert line.split() == ["time", "4", "1", "1", "1", "1", "0", "50.0%"]
    assert listed == "Not in docs/mutants/time.md:"
    assert len(names) == 2

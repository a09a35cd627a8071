"""The printer: six forms of the same rows, each readable by the tool it is for."""

import csv
import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.show import Field, Form, card, day, listing, plain, seen, table_of_commas, when

FIELDS = [Field("node", "NODE"), Field("state", "STATE"), Field("note", "NOTE", wide=True)]
ROWS: list[dict[str, Any]] = [
    {"node": "pole-1", "state": "good", "note": None},
    {"node": "pole-22", "state": "bad", "note": 'a "b", c'},
]


def test_a_table_has_stable_columns_and_wide_has_more() -> None:
    assert listing(ROWS, FIELDS, Form.TABLE) == "NODE     STATE\npole-1   good\npole-22  bad\n"
    assert listing(ROWS, FIELDS, Form.WIDE).splitlines()[2] == 'pole-22  bad    a "b", c'
    assert listing([], FIELDS, Form.TABLE) == "NODE  STATE\n"


def test_colours_are_only_for_states_and_only_when_asked_for() -> None:
    painted = listing(ROWS, FIELDS, Form.TABLE, colour=True)
    assert "\033[31mbad  \033[0m" in painted and "\033[32mgood \033[0m" in painted
    assert "\033" not in listing(ROWS, FIELDS, Form.TABLE)


def test_json_csv_yaml_and_name() -> None:
    assert json.loads(listing(ROWS, FIELDS, Form.JSON)) == ROWS
    assert list(csv.DictReader(io.StringIO(listing(ROWS, FIELDS, Form.CSV))))[1]["note"] == 'a "b", c'
    assert listing(ROWS[:1], FIELDS, Form.YAML) == '- node: "pole-1"\n  state: "good"\n  note: null\n'
    assert listing([], FIELDS, Form.YAML) == "[]\n"
    assert listing(ROWS, FIELDS, Form.NAME) == "pole-1\npole-22\n"


def test_a_card_in_every_form() -> None:
    assert card(ROWS[0], Form.TABLE, "node") == "node   pole-1\nstate  good\nnote\n"
    assert json.loads(card(ROWS[0], Form.JSON, "node")) == ROWS[0]
    assert card(ROWS[0], Form.YAML, "node") == 'node: "pole-1"\nstate: "good"\nnote: null\n'
    assert card(ROWS[0], Form.NAME, "node") == "pole-1\n"
    assert card(ROWS[0], Form.CSV, "node") == "node,state,note\r\npole-1,good,\r\n"


@given(st.lists(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])), min_size=2, max_size=2)))
def test_any_cells_survive_commas(rows: list[list[str]]) -> None:
    assert list(csv.reader(io.StringIO(table_of_commas(rows), newline=""))) == rows


def test_times_are_utc_and_what_is_no_time_is_none() -> None:
    assert when(1_700_000_003_004) == "2023-11-14T22:13:23.004Z"
    assert [when(None), when(1 << 62)] == [None, None]


def test_values_for_people() -> None:
    assert [plain(value) for value in (None, True, {"a": 1, "b": "x"}, ["p", 2], 1.5)] == [
        "",
        "yes",
        "a=1,b=x",
        "p, 2",
        "1.5",
    ]


@given(st.text())
def test_what_is_for_eyes_holds_nothing_that_a_terminal_would_obey(text: str) -> None:
    row = {"node": "pole-1", "state": "bad", "note": text, text or "key": text}
    for form in (Form.TABLE, Form.WIDE):
        shown = listing([row], FIELDS, form) + card(row, form, "node")
        assert all(sign.isprintable() or sign == "\n" for sign in shown)
        assert listing([row], FIELDS, form).count("\n") == 2
    for made in (listing([row], FIELDS, Form.JSON), card(row, Form.JSON, "node")):
        assert all(sign == "\n" or (sign > "\x1f" and not "\x7f" <= sign <= "\x9f") for sign in made)
        assert json.loads(made) in (row, [row])


def test_what_can_be_printed_stays_as_it_is() -> None:
    assert seen("Café Überfahrt 21,5 °C µg/m³") == "Café Überfahrt 21,5 °C µg/m³"
    assert seen("ev\x1b[31mil\n\x9b\ud800") == "ev\\x1b[31mil\\n\\x9b\\ud800"


def test_a_day_is_one_even_where_no_calendar_has_it() -> None:
    assert (day(0), day(4_000_000_000_000)) == ("1970-01-01", "2096-10-02")
    assert day(1 << 60) == "a day that no calendar has"

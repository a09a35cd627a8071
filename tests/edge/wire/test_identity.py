"""A node id is harmless in topics, file names and addresses, or it is refused with the reason."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.identity import node_id

IDS = st.from_regex(r"\A[a-z0-9-]{3,32}\Z")


@given(IDS)
def test_what_fits_is_kept(text: str) -> None:
    assert node_id(text) == text


@given(st.text(max_size=40))
def test_exactly_the_stated_form_is_taken(text: str) -> None:
    if re.fullmatch(r"[a-z0-9-]{3,32}", text):
        assert node_id(text) == text
    else:
        with pytest.raises(ValueError, match="a node id"):
            node_id(text)


@pytest.mark.parametrize("bad", ["", "ab", "a" * 33, "Pole", "pole_1", "a/b", "a+b", "a#b", "pole 1", "pole\n", "pôle"])
def test_the_reason_is_given(bad: str) -> None:
    with pytest.raises(ValueError, match=r"characters, this one has|holds only a-z, 0-9 and '-', not"):
        node_id(bad)

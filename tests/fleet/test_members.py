"""Who enrols is told to the broker before the claim is answered, and a hundred at once cost few lists."""

from __future__ import annotations

import threading

from fleet.members import Members


def test_a_change_is_published_before_its_claim_is_answered() -> None:
    known: set[int] = set()
    published: list[set[int]] = []
    members = Members(lambda: published.append(set(known)))
    members.start()
    for number in range(5):
        known.add(number)
        assert members.changed(60)
        assert number in published[-1]
    members.stop()


def test_a_hundred_who_come_while_a_list_is_written_need_one_more() -> None:
    door, writing, count = threading.Event(), threading.Event(), []

    def publish() -> None:
        count.append(1)
        writing.set()
        assert door.wait(60)

    members = Members(publish)
    members.start()
    answers: list[bool] = []
    first = threading.Thread(target=lambda: answers.append(members.changed(60)))
    first.start()
    assert writing.wait(60)
    rest = [threading.Thread(target=lambda: answers.append(members.changed(60))) for _ in range(100)]
    for each in rest:
        each.start()
    while members._changes < 101:
        door.wait(0.001)
    door.set()
    for each in (first, *rest):
        each.join(60)
    members.stop()
    assert answers == [True] * 101
    assert len(count) == 2


def test_a_list_that_cannot_be_written_is_tried_again_and_nobody_is_told_that_it_was() -> None:
    def refuse() -> None:
        raise OSError(28, "No space left on device")

    members = Members(refuse)
    members.start()
    assert not members.changed(0.01)
    members.stop()


def test_what_is_due_at_the_end_is_still_told() -> None:
    told: list[int] = []
    members = Members(lambda: told.append(1))
    members.changed(0)
    members.start()
    members.stop()
    assert told == [1]

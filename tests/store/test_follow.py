"""Following a shared store: what is read when, and that nothing half-done is ever applied."""

from __future__ import annotations

import pytest

from gwt.store.follow import FORMAT, MOST, PARTS, Change, Follower, Question, State, Unreadable, read_change, shrinks


def state(
    routes: int = 0, services: int = 0, id_: str | None = "a", format_: str | None = FORMAT, certificates: int = 1
) -> State:
    return State(id_, format_, {"routes": routes, "services": services, "certificates": certificates})


def follower(routes: int = 1, services: int = 1) -> Follower:
    """One that has read everything."""
    one = Follower()
    for _ in PARTS:
        question = one.question()
        assert question is not None and question.names is None
        assert one.answered(question, state(routes, services))
    assert one.question() is None
    return one


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("routes 7 a b", Change("routes", 7, ("a", "b"))),
        ("services 1", Change("services", 1, ())),
        ("certificates 2 n/www", Change("certificates", 2, ("n/www",))),
        ("", None),
        ("routes", None),
        ("routes x", None),
        ("routes -1", None),
        ("other 1 a", None),
    ],
)
def test_messages(message: str, change: Change | None) -> None:
    assert read_change(message) == change


def test_a_change_that_was_heard_of_is_read_by_its_names() -> None:
    one = follower()
    one.heard(Change("services", 2, ("n/a:80",)))
    one.heard(Change("services", 3, ("n/b:80",)))
    question = one.question()
    assert question == Question("services", frozenset(("n/a:80", "n/b:80")))
    assert one.answered(question, state(1, 3)) and one.question() is None
    one.heard(Change("services", 3, ("n/b:80",)))  # again
    assert one.question() is None


def test_what_came_meanwhile_is_waited_for() -> None:
    one = follower()
    one.heard(Change("services", 2, ("a",)))
    question = one.question()
    assert question is not None and not one.answered(question, state(1, 3))
    one.heard(Change("services", 3, ("b",)))
    again = one.question()
    assert again == Question("services", frozenset("ab")) and one.answered(again, state(1, 3))


def test_a_missed_message_is_found_by_the_next_pull() -> None:
    one = follower()
    one.heard(Change("routes", 3, ("c",)))
    assert one.question() is None
    one.looked(state(3, 1))
    assert one.question() == Question("routes", None)
    one = follower()
    one.looked(state(1, 1))
    assert one.question() is None
    one.looked(state(1, 2))
    assert one.question() == Question("services", None)


def test_a_change_without_names_is_read_whole() -> None:
    one = follower()
    one.heard(Change("routes", 2, ()))
    assert one.question() == Question("routes", None)


def test_who_is_far_behind_reads_it_all() -> None:
    one = follower()
    for rev in range(2, MOST + 4):
        one.heard(Change("services", rev, ("a",)))
    assert one.question() == Question("services", None)


def test_another_store_is_read_whole_and_so_is_one_that_went_back() -> None:
    one = follower(5, 5)
    one.looked(state(5, 5, "b"))
    assert one.question() == Question("routes", None)
    one = follower(5, 5)
    one.looked(state(4, 5))
    assert one.question() == Question("routes", None)
    one = follower(5, 5)
    one.heard(Change("routes", 6, ("a",)))
    question = one.question()
    assert question is not None and not one.answered(question, state(6, 6, "b"))
    assert one.question() == Question("routes", None)


def test_another_store_takes_all_parts() -> None:
    one = follower(5, 5)
    assert one.answered(Question("routes", None), state(1, 1, "b"))
    assert one.question() == Question("services", None)
    assert one.answered(Question("services", None), state(1, 1, "b"))
    assert one.question() == Question("certificates", None)


def test_an_id_where_there_was_none_is_the_same_store_read_again() -> None:
    one = Follower()
    for part in PARTS:
        assert one.answered(Question(part, None), state(5, 5, ""))
    given = state(6, 5, "given")
    assert not any(one.is_new(part, given) for part in PARTS)
    one.heard(Change("routes", 6, ("a",)))
    question = one.question()
    assert question is not None and not one.answered(question, given)
    for part in PARTS:
        assert one.question() == Question(part, None) and one.answered(Question(part, None), given)
    assert one.question() is None and one.id == "given"


@pytest.mark.parametrize("after", [state(1, 5, ""), state(6, 4, "given"), state(6, 6, "")])
def test_a_store_without_an_id_is_new_when_a_revision_went_back_or_it_was_empty(after: State) -> None:
    one = Follower()
    for part in PARTS:
        assert one.answered(Question(part, None), state(5, 5, ""))
    assert one.is_new("routes", after) is (after.revs["routes"] == 1 or after.revs["services"] == 4)
    with pytest.raises(Unreadable):
        one.looked(state(id_=None))
    one.looked(after)
    for part in PARTS:
        assert one.is_new(part, after) and one.question() == Question(part, None)
        assert one.answered(Question(part, None), after)
    assert not any(one.is_new(part, after) for part in PARTS) and one.question() is None


def test_a_copy_of_a_store_that_had_no_certificates_lacks_nothing_else() -> None:
    one = Follower("a", {"routes": 1, "services": 1})
    assert one.question() is None
    one.looked(state(1, 1, certificates=0))
    assert one.question() == Question("certificates", None)


@pytest.mark.parametrize("bad", [state(id_=None), state(format_="2")])
def test_what_is_no_store_is_not_followed(bad: State) -> None:
    one = follower()
    with pytest.raises(Unreadable):
        one.looked(bad)
    with pytest.raises(Unreadable):
        one.answered(Question("routes", None), bad)
    assert one.question() is None


def test_who_has_been_deaf_knows_of_no_messages() -> None:
    one = follower()
    one.heard(Change("routes", 2, ("a",)))
    one.deaf()
    assert one.question() is None


def test_shrinking() -> None:
    names = [str(number) for number in range(20)]
    assert shrinks(names, names[:9]) and not shrinks(names, names[:10]) and not shrinks(names[:19], [])
    assert shrinks(names, ["x"] * 100)

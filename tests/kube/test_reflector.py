"""The Reflector step by step; tests/laws/test_reflector_laws.py has what holds of any course of events."""

from __future__ import annotations

from typing import Any

import pytest

from gwt.kube.backoff import UNREACHABLE
from gwt.kube.reflector import DOUBTED, UNSERVED, Follow, Get, Reflector, Unreadable, Wait
from gwt.kube.resource import SERVICES

END = {"annotations": {"k8s.io/initial-events-end": "true"}}


class Told:
    """A Reflector, what it told of, and what it complained of."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, Any, Any]] = []
        self.lines: list[str] = []
        self.of = Reflector(
            SERVICES, lambda value: value.get("spec"), lambda *change: self.changes.append(change), lambda: 0.0,
            self.lines.append,
        )  # fmt: skip

    def events(self, *events: dict[str, Any]) -> bool:
        return [self.of.event(event, 0.0) for event in events][-1]

    def synced(self, *names: str, rev: int = 10) -> Told:
        assert isinstance(self.of.step(), Follow)
        self.events(*(line("ADDED", name, rev) for name in names), bookmark(rev, **END))
        return self

    def empty(self, rev: int = 10) -> Told:
        """As `synced`: it takes two lists to believe that there is nothing."""
        self.synced(rev=rev)
        assert not self.of.synced and self.of.step() == Wait(DOUBTED)
        assert isinstance(self.of.step(), Get)
        self.of.page({"metadata": {"resourceVersion": str(rev)}, "items": []}, 0.0)
        return self


def line(kind: str, name: str, rev: int, spec: Any = 1, uid: str = "u") -> dict[str, Any]:
    return {"type": kind, "object": obj(name, rev, spec, uid)}


def obj(name: str, rev: int, spec: Any = 1, uid: str = "u") -> dict[str, Any]:
    return {"metadata": {"namespace": "n", "name": name, "resourceVersion": str(rev), "uid": uid}, "spec": spec}


def bookmark(rev: int, **more: Any) -> dict[str, Any]:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(rev), **more}}}


def error(code: int) -> dict[str, Any]:
    return {"type": "ERROR", "object": {"code": code, "message": "told off"}}


def asked(told: Told) -> str:
    """The query of the next step, which is no Wait."""
    step = told.of.step()
    assert isinstance(step, Get | Follow), step
    return step.path


def test_a_stream_of_all_there_is_and_then_of_changes() -> None:
    told = Told().synced("a", "b")
    assert told.of.synced and told.of.rev == "10"
    told.events(line("MODIFIED", "a", 11, 2), line("DELETED", "b", 12), bookmark(20))
    assert [(key, after) for key, _, after in told.changes] == [("n/a", 1), ("n/b", 1), ("n/a", 2), ("n/b", None)]
    told.of.ended(0.0, 300.0)
    assert "resourceVersion=20" in asked(told)


def test_where_it_is_not_streamed_it_is_listed_by_pages() -> None:
    told = Told()
    told.of.step()
    told.of.refused(422, 0.0, message="Invalid")
    assert isinstance(told.of.step(), Get)
    told.of.page({"metadata": {"resourceVersion": "9", "continue": "more"}, "items": [obj("a", 1)]}, 0.0)
    assert "continue=more" in asked(told) and not told.of.synced
    told.of.page({"metadata": {"resourceVersion": "9"}, "items": [obj("b", 2)]}, 0.0)
    assert told.of.synced and told.of.objects.keys() == {"n/a", "n/b"}
    assert "watch=1" in asked(told)
    assert told.lines == []


def test_deletes_missed_while_away() -> None:
    told = Told().synced("a", "b")
    assert not told.events(error(410))
    told.synced("b", rev=30)
    assert told.changes[2:] == [("n/a", 1, None), ("n/b", 1, 1)]


def test_gone_by_an_answer_and_then_one_relist_only() -> None:
    told = Told().synced("a")
    told.of.ended(0.0, 300.0)
    told.of.step()
    told.of.refused(410, 0.0)
    assert "sendInitialEvents" in asked(told)
    told.of.refused(410, 0.0)
    assert told.of.step() == Wait(0.8)


def test_an_empty_list_is_believed_when_a_second_one_says_so() -> None:
    told = Told().synced("a")
    told.events(error(410))
    told.of.step()
    assert not told.events(bookmark(30, **END))
    assert told.of.objects and "held back" in told.lines[-1]
    assert told.of.step() == Wait(DOUBTED)
    assert isinstance(told.of.step(), Get)
    told.of.page({"metadata": {"resourceVersion": "31"}, "items": []}, 0.0)
    assert told.of.objects == {} and told.changes[-1] == ("n/a", 1, None)


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_an_empty_list_at_the_start_is_believed_when_a_second_one_says_so(streams: bool, there: bool) -> None:
    told = Told()
    assert isinstance(told.of.step(), Follow)
    if streams:
        assert not told.events(bookmark(9, **END))
    else:
        told.of.refused(422, 0.0)
        assert isinstance(told.of.step(), Get)
        told.of.page({"metadata": {"resourceVersion": "9"}, "items": []}, 0.0)
    assert not told.of.synced and told.of.step() == Wait(DOUBTED)
    assert isinstance(told.of.step(), Get)
    told.of.page({"metadata": {"resourceVersion": "9"}, "items": [obj("a", 1)] if there else []}, 0.0)
    assert told.of.synced and told.changes == ([("n/a", None, 1)] if there else [])
    assert "resourceVersion=9" in asked(told)
    assert told.lines == [], "there may well be nothing"


def test_what_came_while_an_empty_list_was_wrong_is_found() -> None:
    told = Told().empty()
    told.events(error(410))
    told.of.step()
    told.events(bookmark(12, **END))  # which leaves out what is there
    told.of.step()
    told.of.step()
    told.of.page({"metadata": {"resourceVersion": "12"}, "items": [obj("a", 11)]}, 0.0)
    assert [key for key, _, _ in told.changes] == ["n/a"] and "resourceVersion=12" in asked(told)


def test_an_empty_list_that_was_an_accident() -> None:
    told = Told().synced("a")
    told.events(error(410))
    told.of.step()
    told.events(bookmark(30, **END))
    told.of.step()
    told.of.step()
    told.of.page({"metadata": {"resourceVersion": "31"}, "items": [obj("a", 10)]}, 0.0)
    assert len(told.changes) == 1


def test_old_news() -> None:
    told = Told().synced("a", "b")
    told.events(line("MODIFIED", "a", 15, 5), line("MODIFIED", "a", 12, 2), line("ADDED", "a", 15, 5))
    told.events(line("DELETED", "b", 16), line("MODIFIED", "b", 14, 4), line("ADDED", "c", 9))
    assert [(key, after) for key, _, after in told.changes[2:]] == [("n/a", 5), ("n/b", None)]


def test_the_deletion_of_an_earlier_one_of_that_name() -> None:
    told = Told().synced("a")
    told.events(line("DELETED", "a", 11, uid="other"))
    assert told.of.objects.keys() == {"n/a"}


def test_silence_after_a_revision_from_the_future() -> None:
    told = Told().synced("a")
    told.of.ended(0.0, 300.0)
    asked(told)
    told.of.silent(0.0)
    assert "sendInitialEvents" in asked(told)


def test_silence_after_words_is_a_broken_connection() -> None:
    told = Told().synced("a")
    told.of.silent(0.0)
    assert "limit=1" in asked(told)


def test_after_a_break_the_server_is_asked_how_far_it_is() -> None:
    for rev, wanted in (("9", "sendInitialEvents"), ("10", "resourceVersion=10")):
        told = Told().synced("a")
        told.of.ended(0.0, 1.0, clean=False)
        assert told.of.step() == Wait(UNREACHABLE)
        assert "limit=1" in asked(told)
        told.of.page({"metadata": {"resourceVersion": rev}, "items": [obj("a", 10)]}, 0.0)
        assert wanted in asked(told)


def test_a_server_that_went_back_and_is_further_again() -> None:
    last = [[obj("b", 12)], [obj("b", 11)], [obj("b", 15)], []]
    for items, wanted in zip(last, ["resourceVersion=13", *["sendInitialEvents"] * 3], strict=True):
        told = Told().synced("a", "b")
        told.events(line("MODIFIED", "b", 12), bookmark(13))
        told.of.failed(0.0, "refused")
        told.of.step()
        assert "fieldSelector=metadata.name%3Db%2Cmetadata.namespace%3Dn" in asked(told)
        told.of.page({"metadata": {"resourceVersion": "20"}, "items": items}, 0.0)
        assert wanted in asked(told), items


def test_a_server_that_went_back_to_before_a_deletion() -> None:
    for items, wanted in (([], "resourceVersion=12"), ([obj("b", 10)], "sendInitialEvents")):
        told = Told().synced("a", "b")
        told.events(line("DELETED", "b", 12))
        told.of.failed(0.0, "refused")
        told.of.step()
        assert "metadata.name%3Db" in asked(told)
        told.of.page({"metadata": {"resourceVersion": "20"}, "items": items}, 0.0)
        assert wanted in asked(told)


def test_where_nothing_is_there_the_revision_has_to_do() -> None:
    told = Told().empty()
    told.of.failed(0.0, "refused")
    told.of.step()
    assert "limit=1" in asked(told)
    told.of.page({"metadata": {"resourceVersion": "20"}, "items": [obj("new", 15)]}, 0.0)
    assert "resourceVersion=10" in asked(told)


def test_a_server_that_closes_at_once() -> None:
    told = Told().synced("a")
    told.of.ended(0.0, 0.1)
    assert told.of.step() == Wait(0.8)


def test_refusals() -> None:
    told = Told().synced("a")
    told.of.ended(0.0, 300.0)
    told.of.refused(401, 0.0)
    assert isinstance(told.of.step(), Follow), "the token may be another by now"
    told.of.refused(401, 0.0)
    assert told.of.step() == Wait(0.8)
    told.of.refused(403, 0.0)
    assert told.of.step() == Wait(1.6), "it may have to read first who may do what"
    told.of.refused(429, 0.0, 7.0)
    assert told.of.step() == Wait(7.0)
    assert "resourceVersion=10" in asked(told), "no relist for that"
    told.of.refused(504, 0.0)
    told.of.step()
    assert "sendInitialEvents" in asked(told)
    assert told.of.objects and len(told.changes) == 1


def test_the_same_trouble_is_told_once() -> None:
    told = Told()
    for _ in range(5):
        told.of.failed(0.0, "refused")
    assert told.lines == ["services: refused"]


def test_a_stream_that_is_torn_twice_is_listed() -> None:
    told = Told()
    for _ in range(2):
        assert isinstance(told.of.step(), Follow)
        told.of.ended(0.0, 5.0, clean=False)
        assert isinstance(told.of.step(), Wait)
    assert isinstance(told.of.step(), Get)


def test_a_stream_that_ends_in_an_error_is_listed_at_once_and_tried_again_the_next_time() -> None:
    told = Told()
    assert isinstance(told.of.step(), Follow)
    assert not told.events(error(500))
    assert isinstance(told.of.step(), Get)
    told.of.page({"metadata": {"resourceVersion": "9"}, "items": [obj("a", 1)]}, 0.0)
    assert "resourceVersion=9" in asked(told)
    told.events(error(410))
    assert "sendInitialEvents" in asked(told)


def test_a_stream_that_ends_because_too_many_ask_is_tried_again() -> None:
    told = Told()
    assert isinstance(told.of.step(), Follow)
    assert not told.events(error(429))
    assert told.of.step() == Wait(0.8)
    assert "sendInitialEvents" in asked(told)


def test_pages_that_expire_faster_than_they_are_read() -> None:
    told = Told()
    told.of.refused(422, 0.0)
    for _ in range(2):
        assert "limit=32" in asked(told)
        told.of.page({"metadata": {"resourceVersion": "9", "continue": "x"}, "items": []}, 0.0)
        told.of.refused(410, 0.0)
        told.of.step() if told.of._wait else None
    assert "limit" not in asked(told)


@pytest.mark.parametrize("value", [{}, {"metadata": {}}, {"metadata": {"resourceVersion": "1"}, "items": 5}])
def test_what_is_no_list(value: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        Told().of.page(value, 0.0)


def test_an_object_of_no_use_leaves_what_was_there() -> None:
    told = Told().synced("a")
    told.events(line("MODIFIED", "a", 11, None))
    assert told.of.objects["n/a"].value == 1


def test_a_kind_that_is_not_served() -> None:
    told = Told()
    told.of.step()
    told.of.refused(404, 0.0)
    assert not told.of.absent  # a stream is refused, lists may do
    assert "watch" not in asked(told)
    told.of.refused(404, 0.0)
    assert told.of.absent and not told.of.synced and len(told.lines) == 1
    assert told.of.step() == Wait(UNSERVED)
    asked(told)
    told.of.page({"metadata": {"resourceVersion": "5"}, "items": [obj("a", 1)]}, 0.0)
    assert told.of.synced and not told.of.absent
    asked(told)
    told.of.refused(404, 0.0)
    assert not told.of.absent  # what is held of it was served once

"""Changes by the admin API, to a store that is played by the test."""

from __future__ import annotations

import json
from typing import Any

from admin.serving import AdminCase
from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed

from gwt.store.base import StoreError
from gwt.store.commit import Commit, Conflict, Revision
from gwt.store.entries import Entry

DOC = {"hosts": ["new.example.com"], "services": [{"upstream": "u", "paths": [{"uri": "/"}]}]}
KUBE = Entry({"name": "k", **DOC}, "kube", "n/c/k").text().encode()


class Store:
    """Takes any commit that expects the revision it is at."""

    counted = True

    def __init__(self) -> None:
        self.revision = 7
        self.entries = {("routes", "old"): Entry(DOC, "admin").text().encode(), ("routes", "k"): KUBE}
        self.revisions: list[Revision] = []
        self.commits: list[Commit] = []
        self.down = False

    def entry(self, hash_: str, name: str) -> Deferred[bytes | None]:
        return succeed(self.entries.get((hash_, name)))

    def history(self) -> Deferred[list[Revision]]:
        return fail(StoreError("it is down")) if self.down else succeed(self.revisions)

    def commit(self, commit: Commit) -> Deferred[int]:
        if self.down:
            return fail(StoreError("it is down"))
        if commit.expected not in (None, self.revision):
            return fail(Conflict(self.revision))
        self.commits.append(commit)
        self.revision += 1
        return succeed(self.revision)


class ChangesTests(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = Store()

    def put(self, path: str, value: Any, **headers: str) -> Any:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.ask(path, "PUT", body, **headers)

    @inlineCallbacks
    def test_a_route_is_stored_under_its_name(self) -> Any:
        status, headers, told = yield self.put("/v1/routes/shop?reason=sale", DOC)
        assert (status, told, headers.getRawHeaders("etag")) == (200, {"revision": 8, "name": "shop"}, ['"8"'])
        (commit,) = self.store.commits
        assert (commit.part, commit.actor, commit.reason, commit.expected) == ("routes", "admin", "sale", None)
        assert json.loads(commit.entries["routes"]["shop"]) == {"doc": {**DOC, "name": "shop"}, "source": "admin"}

    @inlineCallbacks
    def test_yaml_does_as_well(self) -> Any:
        body = b"hosts: [new.example.com]\nservices: [{upstream: u, paths: [{uri: /}]}]\n"
        status, _, _ = yield self.put("/v1/routes/shop", body)
        assert status == 200 and json.loads(self.store.commits[0].entries["routes"]["shop"])["doc"]["hosts"]

    @inlineCallbacks
    def test_a_lost_race_is_told(self) -> Any:
        status, _, told = yield self.put("/v1/routes/shop", DOC, if_match='"6"')
        assert (status, told["code"], told["revision"]) == (412, "conflict", 7)
        status, _, _ = yield self.put("/v1/routes/shop", DOC, if_match='"7"')
        assert status == 200
        for match, wanted in (("*", 412), ("seven", 400)):
            status, _, _ = yield self.put("/v1/routes/shop", DOC, if_match=match)
            assert status == wanted
        status, _, _ = yield self.put("/v1/routes/old", DOC, if_match="*")
        assert status == 200

    @inlineCallbacks
    def test_a_bad_document_is_refused_with_every_problem(self) -> Any:
        status, _, told = yield self.put("/v1/routes/shop", {"hosts": "x", "servces": []})
        assert (status, told["code"]) == (400, "bad_document") and len(told["problems"]) >= 2
        tries: list[Any] = [
            b"", b"\xff", b"{", b"[1]", b"---\na: 1\n---\nb: 2\n", {**DOC, "name": "other"}, {"upstreams": {}},
            {"lists": {}}, {**DOC, "plugins": {"a b": {}}}, {**DOC, "access": {"auth_type": "sso"}},
        ]  # fmt: skip
        for body in tries:
            status, _, told = yield self.put("/v1/routes/shop", body)
            assert (status, told["code"]) == (400, "bad_document"), body
        for name in ("", "a%20b", "a%00"):
            status, _, told = yield self.put(f"/v1/routes/{name}", DOC)
            assert (status, told["code"]) == (400, "bad_request"), name
        assert self.store.commits == []

    @inlineCallbacks
    def test_what_could_not_come_into_force_is_refused(self) -> Any:
        document = {**DOC, "services": [{"upstream": "u", "paths": [{"uri": "(", "match": "regex"}]}]}
        status, _, told = yield self.put("/v1/routes/shop", document)
        assert (status, told["code"]) == (400, "bad_document") and self.store.commits == []

    @inlineCallbacks
    def test_deleting(self) -> Any:
        status, _, _ = yield self.ask("/v1/routes/old", "DELETE")
        assert status == 200 and self.store.commits[0].entries == {"routes": {"old": None}}
        status, _, _ = yield self.ask("/v1/routes/unknown", "DELETE")
        assert status == 404
        status, _, told = yield self.ask("/v1/routes/k", "DELETE")
        assert (status, told["code"]) == (409, "kube") and len(self.store.commits) == 1

    @inlineCallbacks
    def test_upstreams(self) -> Any:
        for value in (["10.0.0.1:80"], {"endpoints": [{"address": "10.0.0.1:80", "weight": 2}], "protocol": "http"}):
            status, _, _ = yield self.put("/v1/upstreams/n/s:80", value)
            assert status == 200
        first, second = (json.loads(one.entries["services"]["n/s:80"]) for one in self.store.commits)
        assert first == {"endpoints": ["10.0.0.1:80"], "source": "admin"} and second["protocol"] == "http"
        assert {one.part for one in self.store.commits} == {"services"}
        for body in (b"{", b"[1]", b'["x"]', b"{}", b"1"):
            status, _, _ = yield self.put("/v1/upstreams/n/s:80", body)
            assert status == 400, body

    @inlineCallbacks
    def test_history_and_the_way_back(self) -> Any:
        before, after = json.loads(Entry(DOC, "admin").text()), json.loads(Entry({**DOC, "a": 1}, "admin").text())
        self.store.revisions = [Revision(6, 1.0, "me", "why", {"x": (None, before)}),
                                Revision(7, 2.0, "me", "", {"x": (before, after)})]  # fmt: skip
        _, _, told = yield self.ask("/v1/history")
        assert told["revision"] == 7 and [one["rev"] for one in told["history"]] == [7, 6]
        assert told["history"][1]["changed"] == ["x"]
        _, _, told = yield self.ask("/v1/history/7")
        assert told["changed"] == {"x": {"before": before, "after": after}}
        status, _, told = yield self.ask("/v1/rollback/6", "POST")
        assert (status, told) == (200, {"revision": 8, "changed": ["x"]})
        assert json.loads(self.store.commits[0].entries["routes"]["x"]) == before
        for path, wanted in (("/v1/rollback/3", 404), ("/v1/rollback/x", 400), ("/v1/rollback", 400)):
            status, _, _ = yield self.ask(path, "POST")
            assert status == wanted, path
        status, _, _ = yield self.ask("/v1/history/3")
        assert status == 404

    @inlineCallbacks
    def test_what_a_change_means(self) -> Any:
        def entry(**more: Any) -> Any:
            return json.loads(Entry({**DOC, **more}, "admin").text())

        first, second = entry(), entry(access={"timeout": 7}, hosts=["new.example.com", "more.example.com"])
        self.store.revisions = [Revision(5, 1.0, "", "", {"x": (None, first)}),
                                Revision(6, 2.0, "", "", {"x": (first, second), "lists/l": (None, entry())}),
                                Revision(7, 3.0, "", "", {"y": (None, first)})]  # fmt: skip
        status, _, told = yield self.ask("/v1/diff?from=5&to=6")
        assert status == 200
        assert [(one["name"], one["field"]) for one in told["documents"]] == [
            ("lists/l", ""), ("x", "hosts[1]"), ("x", "access")
        ]  # fmt: skip
        assert {one["field"] for one in told["policies"]} >= {"timeout"}
        assert [one["url"] for one in told["requests"]] == ["http://more.example.com/"]
        assert told["requests"][0]["before"] is None and "(x)" in told["requests"][0]["after"]
        _, _, told = yield self.ask("/v1/diff?from=7")
        assert (told["from"], told["to"], told["documents"], told["requests"]) == (7, 7, [], [])
        for query, wanted in (("from=2", 404), ("from=x", 400)):
            status, _, _ = yield self.ask(f"/v1/diff?{query}")
            assert status == wanted

    @inlineCallbacks
    def test_a_store_that_is_down_says_so(self) -> Any:
        self.store.down = True
        for method, path in (("PUT", "/v1/routes/shop"), ("GET", "/v1/history"), ("POST", "/v1/rollback/1")):
            status, _, told = yield self.ask(path, method, json.dumps(DOC).encode() if method == "PUT" else None)
            assert (status, told["code"]) == (503, "store"), path

    @inlineCallbacks
    def test_pages_of_strangers_change_nothing(self) -> Any:
        status, _, _ = yield self.put("/v1/routes/shop", DOC, origin="http://evil.example.com")
        assert status == 403 and self.store.commits == []

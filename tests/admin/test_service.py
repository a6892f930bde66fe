"""gwt.admin.service: what is answered, over real sockets."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from admin.serving import AdminCase, reactor
from admin.test_changes import Store
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall

from gwt.admin.service import add
from gwt.metrics import CONTENT_TYPE


class ServiceTests(AdminCase):
    @inlineCallbacks
    def test_health(self) -> Any:
        status, _, told = yield self.ask("/healthz")
        assert (status, told) == (200, {"status": "alive"})
        for ready, draining, status, word in ((0, 0, 503, "starting"), (1, 0, 200, "ready"), (1, 1, 503, "draining")):
            self.health.ready, self.health.draining = bool(ready), bool(draining)
            got, _, told = yield self.ask("/readyz")
            assert (got, told["status"], list(told["sources"])) == (status, word, ["file:./routes"])
            assert told.get("workers") == (None if word == "ready" else {"asked": 1, "answered": 1})

    def test_other_workers_hear_once_a_change_is_in_force_here(self) -> None:
        self.store = Store()
        self.store.arrived = Deferred()
        told = self.admin._tell({"ask": "reach", "part": "services", "rev": 9})
        assert isinstance(told, Deferred) and self.store.reaching == [("services", 9)]
        self.assertNoResult(told)
        self.store.arrived.callback(9)
        assert list(self.successResultOf(told)) == []

    @inlineCallbacks
    def test_metrics_can_be_read(self) -> Any:
        state = self.current.snapshot.upstreams["foo/a:80"].endpoints[0].state
        state.requests = 3
        status, headers, text = yield self.ask("/metrics")
        assert (status, headers.getRawHeaders("content-type")) == (200, [CONTENT_TYPE])
        samples = {s.name: s.value for family in text_string_to_metric_families(text) for s in family.samples}
        assert samples["gwt_upstream_tries_total"] == 3
        assert samples["gwt_workers"] == samples["gwt_workers_answered"] == 1

    @inlineCallbacks
    def test_names_with_slashes_and_colons(self) -> Any:
        for path in ("/v1/upstreams/foo/a:80", "/v1/upstreams/foo%2Fa%3A80"):
            status, _, told = yield self.ask(path)
            assert (status, told["name"], len(told["endpoints"])) == (200, "foo/a:80", 2)
            assert told["workers"] == {"asked": 1, "answered": 1}
        status, _, told = yield self.ask("/v1/upstreams/foo")
        assert (status, told["code"]) == (404, "no_such_upstream")
        status, _, told = yield self.ask("/v1/upstreams/")
        assert [row["name"] for row in told["upstreams"]] == ["foo/a:80", "other"]

    @inlineCallbacks
    def test_routes(self) -> Any:
        _, _, told = yield self.ask("/v1/routes?limit=2")
        assert len(told["routes"]) == 2
        _, _, rest = yield self.ask(f"/v1/routes?after={quote(told['next'])}")
        assert (len(rest["routes"]), rest["next"]) == (1, None)
        _, _, told = yield self.ask("/v1/routes/foo")
        assert told["source"]["line"] == 1
        _, _, told = yield self.ask("/v1/routes?view=table")
        assert told["entries"]
        _, _, told = yield self.ask("/v1/routes?view=audit")
        assert {"auth", "limits", "lists"} <= told["entries"][0].keys()

    @inlineCallbacks
    def test_explain(self) -> Any:
        _, _, told = yield self.ask("/v1/explain?method=put&url=http://foo.example.com/x&header=X-A:%201&header=X-B:2")
        assert told["request"] == {"method": "PUT", "host": "foo.example.com", "path": "/x", "client": "127.0.0.1"}
        assert told["winner"]["endpoint"] == "10.0.0.1:80"
        assert told["winner"]["policy"]["retries"] == {"value": 1, "set_by": "default"}
        _, _, told = yield self.ask("/v1/explain?url=foo.example.com/private")
        assert told["error"]["code"] == "policy"
        assert told["winner"]["policy"]["auth_type"]["set_by"] == "path /private (r.yaml:7)"

    @inlineCallbacks
    def test_problems(self) -> Any:
        self.health.failed("no such directory")
        _, _, told = yield self.ask("/v1/problems")
        assert told["store"]["failure"] == "no such directory"
        assert [one["name"] for one in told["quarantined"]] == ["bar", "foo"]

    @inlineCallbacks
    def test_asking_for_much_does_not_hold_up_the_loop(self) -> Any:
        text = "".join(
            f"---\nname: r{n}\nhosts: [h{n}.x]\nservices: [{{upstream: u, paths: [{{uri: /a}}, {{uri: /b}}]}}]\n"
            for n in range(1500)
        )
        self.current.swap(self.world.put({"many.yaml": text}))
        beats: list[float] = []
        beat = LoopingCall(lambda: beats.append(reactor.seconds()))
        beat.start(0.001)
        self.addCleanup(beat.stop)
        for path in ("/v1/routes", "/v1/routes?view=table", "/v1/problems", "/v1/routes/r1499"):
            before = len(beats)
            status, _, _ = yield self.ask(path)
            assert status == 200
            if path == "/v1/routes":
                assert len(beats) - before > 10  # the loop turned all the while

    def test_counts_are_added(self) -> None:
        counts: dict[str, dict[str, list[int]]] = {}
        add(counts, "a", {"x": [1, 2, 3]})
        add(counts, "a", {"x": [1, 1, 1], "y": [0, 1, 0]})
        assert counts == {"a": {"x": [2, 3, 4], "y": [0, 1, 0]}}

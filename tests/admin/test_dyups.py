"""The dyups interface."""

from __future__ import annotations

import json
from typing import Any

import pytest
from admin.serving import AdminCase
from admin.test_changes import Store
from twisted.internet.defer import inlineCallbacks

from gwt.admin.dyups import read_servers


def test_servers() -> None:
    text = " server 10.53.10.191:80; server 10.53.10.192 weight=2 max_fails=1 fail_timeout=10s;\nserver [::1]:8 down ;"
    assert read_servers(text) == [
        {"address": "10.53.10.191:80"},
        {"address": "10.53.10.192:80", "weight": 2},
        {"address": "[::1]:8", "ready": False, "serving": False},
    ]


@pytest.mark.parametrize(
    "text", ["", ";", "server", "servr 1.2.3.4", "server 1.2.3.4:x", "server 1.2.3.4 weight=x", "server 1.2.3.4 backup"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError) as told:
        read_servers(text)
    assert "\n" not in str(told.value)


class DyupsTests(AdminCase):
    @inlineCallbacks
    def test_what_there_is(self) -> Any:
        _, headers, text = yield self.ask("/list")
        assert headers.getRawHeaders("content-type") == ["text/plain; charset=utf-8"]
        names = text.splitlines()
        assert names == sorted(self.world.snapshot.upstreams)
        _, _, text = yield self.ask("/detail")
        assert [part.splitlines()[0] for part in text.strip().split("\n\n")] == names
        status, _, text = yield self.ask(f"/upstream/{names[0]}")
        assert status == 200 and text.startswith("server ")
        status, _, _ = yield self.ask("/upstream/unknown")
        assert status == 404

    @inlineCallbacks
    def test_changes(self) -> Any:
        self.store = Store()
        status, _, text = yield self.ask("/upstream/u", "POST", b"server 10.0.0.1; server 10.0.0.2:81 weight=3;")
        assert (status, text) == (200, "success")
        (commit,) = self.store.commits
        endpoints = [{"address": "10.0.0.1:80"}, {"address": "10.0.0.2:81", "weight": 3}]
        assert json.loads(commit.entries["services"]["u"]) == {"endpoints": endpoints, "source": "admin"}
        for body in (b"", b"server 1.2.3.4:x;", b"\xff"):
            status, _, _ = yield self.ask("/upstream/u", "POST", body)
            assert status == 400
        status, _, _ = yield self.ask("/upstream/u", "DELETE")
        assert status == 404
        self.store.entries["services", "u"] = b"{}"
        status, _, text = yield self.ask("/upstream/u", "DELETE")
        assert (status, text) == (200, "success")

    @inlineCallbacks
    def test_a_store_that_takes_no_changes(self) -> Any:
        status, _, text = yield self.ask("/upstream/u", "POST", b"server 10.0.0.1;")
        assert status == 400 and "takes no changes" in text

    @inlineCallbacks
    def test_what_is_the_controllers_is_not_taken_away(self) -> Any:
        self.store = Store()
        self.store.entries["services", "n/s:80"] = b'{"endpoints": ["10.0.0.1:80"], "source": "kube"}'
        status, _, text = yield self.ask("/upstream/n%2Fs:80", "DELETE")
        assert (status, self.store.commits) == (400, [])
        assert text == (
            "n/s:80 is the controller's: delete its Service in Kubernetes, or POST servers of your own here\n"
        )
        status, _, told = yield self.ask("/v1/upstreams/n%2Fs:80", "DELETE")
        assert (status, told["code"]) == (409, "kube")

    @inlineCallbacks
    def test_a_store_that_is_down_may_be_there_again_soon(self) -> Any:
        self.store = Store()
        self.store.down = True
        status, _, text = yield self.ask("/upstream/u", "POST", b"server 10.0.0.1;")
        assert (status, text) == (503, "it is down\n")

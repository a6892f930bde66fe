"""gwt.admin.certificates: what is shown of a certificate, and that a key never is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from admin.serving import AdminCase
from admin.test_changes import Store
from admin.world import World, told
from certificates import Authority
from twisted.internet.defer import inlineCallbacks

from gwt.admin.certificates import listing, one
from gwt.snapshot import Snapshot
from gwt.store.entries import Entry, entry_content

CA = Authority()
PAIR, OTHER = CA.pair("www.x", "*.y"), CA.pair("other.x")
DOC = {"cert": PAIR.cert, "key": PAIR.key}


def world(**entries: Any) -> Snapshot:
    made = World()
    for name, doc in entries.items():
        name = name.replace("_", "/")
        content = entry_content("certificates", name, json.dumps(doc).encode())
        made.catalog.put(f"certificates/{name}", content)
    return made.put({})


def test_one() -> None:
    ca = {"mode": "require", "ca": CA.pem}
    snapshot = world(n_www={**DOC, "client_auth": ca})
    reply = one(snapshot, "n/www")
    what = told(reply)
    assert (what["name"], what["names"], what["client_auth"]) == ("n/www", ["www.x", "*.y"], "require")
    assert what["fingerprint"] == hashlib.sha256(PAIR.der).hexdigest() and what["cert"] == PAIR.cert
    assert what["begins"] < what["ends"] and what["ends"].endswith("Z") and what["problems"] == []
    assert "PRIVATE" not in json.dumps(what) and PAIR.key.splitlines()[1] not in json.dumps(what)
    missing = one(snapshot, "www")
    assert (missing.status, told(missing)["code"]) == (404, "no_such_certificate")


def test_what_is_wrong_stands_beside_the_last_good_one() -> None:
    made = World()
    for key in (PAIR.key, OTHER.key):
        content = entry_content("certificates", "www", json.dumps({**DOC, "key": key}).encode())
        made.catalog.put("certificates/www", content)
        snapshot = made.put({})
    what = told(one(snapshot, "www"))
    assert what["cert"] == PAIR.cert
    (problem,) = what["problems"]
    assert problem["file"] == "certificates/www" and "not that of the certificate" in problem["message"]


def test_all_by_name_and_page() -> None:
    snapshot = world(b=DOC, a=DOC, c=DOC)
    what = told(listing(snapshot, 2, None))
    assert [held["name"] for held in what["certificates"]] == ["a", "b"] and what["next"] == "b"
    what = told(listing(snapshot, 2, "b"))
    assert [held["name"] for held in what["certificates"]] == ["c"] and what["next"] is None
    assert "cert" not in what["certificates"][0] and "PRIVATE" not in json.dumps(what)
    assert listing(replace(snapshot, certificates_revision=9), None, None).etag == "9"


class CertificateChanges(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = Store()

    def put(self, name: str, value: Any, **headers: str) -> Any:
        return self.ask(f"/v1/certificates/{name}", "PUT", json.dumps(value).encode(), **headers)

    @inlineCallbacks
    def test_one_is_stored_under_its_name(self) -> Any:
        status, headers, what = yield self.put("n/www", DOC)
        assert (status, what, headers.getRawHeaders("etag")) == (200, {"revision": 8, "name": "n/www"}, ['"8"'])
        (commit,) = self.store.commits
        assert commit.part == "certificates"
        assert json.loads(commit.entries["certificates"]["n/www"]) == {"doc": DOC, "source": "admin"}
        status, _, _ = yield self.put("n/www", DOC, if_match='"3"')
        assert status == 412

    @inlineCallbacks
    def test_what_can_not_be_used_is_refused_and_shows_no_key(self) -> Any:
        gone = CA.pair("gone.x", days=-1)
        bad = {
            "not that of the certificate": {**DOC, "key": OTHER.key},
            "unknown key": {**DOC, "kye": PAIR.key},
            "has expired": {"cert": gone.cert, "key": gone.key},
            "expected": [PAIR.key],
            "host name": {**DOC, "names": [PAIR.key]},
        }
        for said, value in bad.items():
            status, _, what = yield self.put("www", value)
            assert status == 400 and said in json.dumps(what), what
            assert not any(line in json.dumps(what) for line in PAIR.key.splitlines()[1:-1])
        assert not self.store.commits

    @inlineCallbacks
    def test_one_goes_unless_it_is_the_controller_s(self) -> Any:
        for name, source, wanted in (("a", "admin", 200), ("n/k", "kube", 409), ("none", None, 404)):
            if source is not None:
                self.store.entries["certificates", name] = Entry(DOC, source).text().encode()
            status, _, what = yield self.ask(f"/v1/certificates/{name}", "DELETE")
            assert status == wanted and PAIR.key.splitlines()[1] not in json.dumps(what)
        assert [dict(commit.entries) for commit in self.store.commits] == [{"certificates": {"a": None}}]

    @inlineCallbacks
    def test_a_store_of_files_takes_none(self) -> Any:
        self.store = None
        status, _, what = yield self.put("www", DOC)
        assert (status, what["code"]) == (409, "read_only")
        status, _, what = yield self.ask("/v1/certificates")
        assert status == 200 and what["certificates"] == []
        status, _, _ = yield self.ask("/v1/certificates/none")
        assert status == 404

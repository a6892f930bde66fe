"""Secrets -> certificates: what can be used is an entry, what can't be is told, and nothing shows a key."""

from __future__ import annotations

import copy
import json
import time
from base64 import b64encode
from typing import Any

import pytest
from certificates import Authority
from hypothesis import given
from hypothesis import strategies as st
from kube.apiserver import tls_secret

from gwt.controller.secrets import Secrets, entry_text, reduce_secret
from gwt.model.kubetls import TYPE
from gwt.steps import finish
from gwt.store.content import CertificatePart
from gwt.store.entries import entry_content, read_entry

CA = Authority()
PAIR, OTHER, GONE = CA.pair("www.x", "*.y"), CA.pair("www.x"), CA.pair("www.x", days=-1)


def secret(cert: str = PAIR.cert, key: str = PAIR.key, **annotations: str) -> dict[str, Any]:
    return tls_secret("n/www", cert, key, **annotations)


def text(value: Any) -> str:
    return entry_text(reduce_secret(value), time.time())


def certificate(value: Any) -> Any:
    """What a gateway makes of the entry."""
    content = entry_content("certificates", "n/www", text(value).encode())
    (part,) = (part for doc in content.docs for part in doc.parts)
    assert isinstance(part, CertificatePart) and not content.problems
    return part.certificate


def test_an_entry_of_the_controller_s() -> None:
    entry = read_entry(text(secret(PAIR.cert + CA.pem)))
    assert (entry.source, entry.origin, sorted(entry.doc)) == ("kube", "n/www", ["cert", "key"])
    found = certificate(secret(PAIR.cert + CA.pem))
    assert found.names == ("www.x", "*.y") and found.chain.count("BEGIN") == 2


def test_what_annotations_say() -> None:
    asked = {"gwt.io/tls-names": "a.x, b.x", "gwt.io/client-auth": "require"}
    value = secret(**asked)
    value["data"]["ca.crt"] = b64encode(CA.pem.encode()).decode()
    found = certificate(value)
    assert found.names == ("a.x", "b.x") and found.client_auth.mode == "require"


def without(key: str) -> dict[str, Any]:
    value = secret()
    del value["data"][key]
    return value


def holding(key: str, data: Any) -> dict[str, Any]:
    value = secret()
    value["data"][key] = data
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({**secret(), "type": "Opaque"}, "its type is 'Opaque'"),
        ({**secret(), "type": None}, "its type is ''"),
        ({**secret(), "data": None}, "has no tls.crt"),
        (without("tls.key"), "has no tls.key"),
        (holding("tls.crt", "%%%"), "no base64"),
        (holding("tls.crt", b64encode(b"\xff\xfe").decode()), "no base64 of PEM"),
        (holding("tls.crt", 7), "is a text"),
        (secret("garbage"), "no certificate in PEM"),
        (secret(key="garbage"), "no private key in PEM"),
        (secret(key=OTHER.key), "not that of the certificate"),
        (secret(CA.pem + PAIR.cert), "must come first"),
        (secret(PAIR.cert[:200] + "\n-----END CERTIFICATE-----\n"), "damaged"),
        (secret(GONE.cert, GONE.key), "has expired"),
        (secret(**{"gwt.io/tls-names": "a b"}), "host name"),
        (secret(**{"gwt.io/client-auth": "maybe"}), "optional or require"),
        (secret(**{"gwt.io/client-auth": "require"}), "certificate of an authority"),
    ],
)
def test_what_can_not_be_used(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        text(value)
    assert not any(line in str(caught.value) for line in PAIR.key.splitlines()[1:-1])


def test_a_secret_is_kept_without_what_nobody_reads_and_shows_no_data() -> None:
    value = secret(**{"gwt.io/tls-names": "a"})
    value["data"]["other"] = "eA=="
    kept = reduce_secret(value)
    assert kept.annotations == {"gwt.io/tls-names": "a"} and sorted(kept.data) == ["ca.crt", "tls.crt", "tls.key"]
    assert value["data"]["tls.key"] not in repr(kept) and kept.type == TYPE


class Rig:
    def __init__(self) -> None:
        self.unknown: tuple[str, ...] = ()
        self.secrets = Secrets(time.time, lambda: self.unknown)

    def put(self, name: str, value: Any) -> bool:
        key, after = f"n/{name}", None if value is None else reduce_secret(value)
        return self.secrets.change(key, self.secrets.kept.get(key), after)

    def wanted(self) -> Any:
        finish(self.secrets.read())
        return self.secrets.wanted()


def test_secrets_come_change_and_go() -> None:
    rig = Rig()
    assert rig.put("www", secret()) and rig.put("bad", secret(key=OTHER.key))
    wanted = rig.wanted()
    assert list(wanted.entries) == ["n/www"] and list(wanted.unusable) == ["n/bad"]
    again = copy.deepcopy(secret())
    again["metadata"]["annotations"]["cert-manager.io/issuer"] = "x"
    assert not rig.put("www", again)
    assert rig.put("www", secret(OTHER.cert, OTHER.key)) and rig.put("bad", secret())
    later = rig.wanted()
    assert later.entries["n/www"] != wanted.entries["n/www"] and not later.unusable
    assert rig.put("www", None)
    assert list(rig.wanted().entries) == ["n/bad"]


def test_of_a_namespace_that_may_not_be_read_nothing_is_said() -> None:
    rig = Rig()
    rig.put("www", secret())
    rig.put("bad", secret(key=OTHER.key))
    rig.unknown = ("n", "m")
    assert rig.wanted() == ({}, {}, frozenset(("n", "m")))
    rig.unknown = ("m",)
    assert list(rig.wanted().entries) == ["n/www"] and list(rig.wanted().unusable) == ["n/bad"]


def test_one_is_read_at_a_time() -> None:
    rig = Rig()
    for number in range(5):
        rig.put(str(number), secret())
    steps = rig.secrets.read()
    next(steps)
    assert len(rig.secrets.wanted().entries) == 1
    finish(steps)
    assert len(rig.secrets.wanted().entries) == 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(list(secret()["data"].values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=4,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["tls.crt", "tls.key", "ca.crt", "x"]), JSON), st.text(max_size=20), JSON)
def test_whatever_stands_in_a_secret_is_an_entry_or_a_reason(data: Any, names: str, kind: Any) -> None:
    value = {**secret(**{"gwt.io/tls-names": names}), "data": data}
    if isinstance(kind, str):
        value["type"] = kind
    rig = Rig()
    rig.put("www", value)
    wanted = rig.wanted()
    assert len(wanted.entries) + len(wanted.unusable) == 1
    said = json.dumps(wanted.unusable)
    assert not any(line in said for line in PAIR.key.splitlines()[1:-1])

"""key-auth: keys inline and of consumers; what is shown of them."""

from __future__ import annotations

import json

import pytest
from plugins.authrig import asked, rig, users

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.key_auth import KeyAuth

KEY = "s3cret-key"
CONF = {"keys": {KEY: "alice"}}


def test_who_has_a_key_is_its_owner() -> None:
    visit = rig(KeyAuth, CONF).send(asked(b"ApiKey: s3cret-key"), asked(), asked(b"apikey: other"))
    assert visit.statuses == [200, 401, 401] and users(visit) == [b"alice"]
    for answer in visit.answers()[1:]:
        assert json.loads(answer.body)["code"] == "auth" and answer.headers[b"www-authenticate"].startswith(b"Key ")
        assert KEY.encode() not in answer.body
    assert visit.finished[0].user == "alice"


@pytest.mark.parametrize("said", [b"apikey: s3cret-ke", b"apikey: s3cret-key2", b"apikey: S3cret-key", b"apikey:",
                                  b"apikey: s3cret-key\r\napikey: s3cret-key", b"api-key: s3cret-key"])  # fmt: skip
def test_what_is_nearly_a_key_is_none(said: bytes) -> None:
    visit = rig(KeyAuth, CONF).send(asked(said))
    assert visit.statuses == [401] and visit.seen == []


def test_the_key_may_be_kept_from_upstreams() -> None:
    visit = rig(KeyAuth, {**CONF, "header": "X-Key", "hide_credentials": True}).send(asked(b"x-key: s3cret-key"))
    assert users(visit) == [b"alice"] and visit.seen[0].header(b"x-key") is None


def test_consumers_come_and_go_at_run_time() -> None:
    visit = rig(KeyAuth, {}).send(asked(b"apikey: k1"))
    visit.put(consumers={"bob": {"key-auth": {"key": "k1"}}, "no one": {"key-auth": {"key": "k2"}}, "x": {}})
    visit.send(asked(b"apikey: k1"), asked(b"apikey: k2"))
    visit.put(consumers={})
    assert visit.send(asked(b"apikey: k1")).statuses == [401, 200, 401, 401] and users(visit) == [b"bob"]


def test_keys_of_the_path_are_all_that_count_there() -> None:
    visit = rig(KeyAuth, CONF)
    visit.put(consumers={"bob": {"key-auth": {"key": "k1"}}})
    assert visit.send(asked(b"apikey: k1")).statuses == [401]


@pytest.mark.parametrize("keys", [{KEY: "not one"}, {"": "alice"}, {KEY: ""}, {KEY: 7}])
def test_no_key_is_ever_repeated(keys: dict[str, object]) -> None:
    with pytest.raises(Misfit) as raised:
        PluginType(KeyAuth).make({"keys": keys})
    assert KEY not in str(raised.value)
    assert KEY not in repr(PluginType(KeyAuth).make(CONF))

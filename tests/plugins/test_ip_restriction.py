"""ip-restriction: lists inline and of the store, and what is refused before it runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from plugins.authrig import asked, rig

from gwt.phase.plugintype import Misfit, PluginType
from gwt.plugins.ip_restriction import IpRestriction


@pytest.mark.parametrize(
    ("conf", "status"),
    [
        ({"whitelist": ["192.0.2.0/24"]}, 200),
        ({"whitelist": ["10.0.0.0/8"]}, 403),
        ({"whitelist": []}, 403),
        ({"blacklist": ["192.0.2.7"]}, 403),
        ({"blacklist": ["10.0.0.0/8"]}, 200),
        ({"whitelist": ["192.0.2.0/24"], "blacklist": ["192.0.2.7"]}, 403),
        ({"blacklist": ["192.0.2.7"], "response_code": 404, "message": "go away"}, 404),
    ],
)
def test_who_may_come(conf: dict[str, Any], status: int) -> None:
    visit = rig(IpRestriction, conf).send(asked())
    (answer,) = visit.answers()
    assert answer.status == status and len(visit.seen) == (status == 200)
    if status != 200:
        said = json.loads(answer.body)
        assert (said["code"], said["error_msg"]) == ("ip", conf.get("message", "Your IP address is not allowed"))


def test_named_lists_change_at_run_time_and_close_where_there_are_none() -> None:
    visit = rig(IpRestriction, {"blacklist": ["@net"]}).send(asked())
    for net in (("10.0.0.0/8",), ("192.0.2.7/32",)):
        visit.put(lists={"net": net})
        visit.send(asked())
    visit.put(lists={})
    assert visit.send(asked()).statuses == [503, 200, 403, 503]


@pytest.mark.parametrize("conf", [{}, {"whitelist": ["10.0.0.0/40"]}, {"blacklist": ["you"]}, {"response_code": 200}])
def test_what_makes_no_sense(conf: dict[str, Any]) -> None:
    with pytest.raises(Misfit):
        PluginType(IpRestriction).make(conf)

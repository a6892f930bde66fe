"""gwt.gateway: what can be seen of the wiring without a process (tests/system/ has the rest)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gwt.configuration import parse
from gwt.gateway import allowed
from gwt.sockets import BindError


def test_an_admin_listener_for_strangers_needs_a_token() -> None:
    open_to_all = "listeners: {admin: 'tcp:9180'}\n"
    with pytest.raises(BindError, match="admin_token"):
        allowed(parse(open_to_all, Path("/a/g.yaml"), {}))
    guarded = parse(open_to_all + "admin_token: a-token-that-is-long-enough\n", Path("/a/g.yaml"), {})
    assert allowed(guarded) is guarded

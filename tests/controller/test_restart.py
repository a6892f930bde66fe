"""A controller that takes over from one that is gone: nothing is lost of what the store holds."""

from __future__ import annotations

from typing import Any

import pytest
from controller.rig import route
from controller.stores import PlayedEtcd, PlayedRedis
from controller.world import World
from kube.apiserver import config_map, service, slice_

from gwt.kube.reflector import DOUBTED


@pytest.fixture(params=[PlayedRedis, PlayedEtcd])
def world(request: pytest.FixtureRequest) -> World:
    """One in which all is in the store, and no controller alive."""
    world = World(request.param())
    world.cluster.put("services", service("n/s"))
    world.cluster.put("endpointslices", slice_("n/s", "10.0.0.1"))
    world.cluster.put("configmaps", config_map("n/m", route("a")))
    one = world.begin()
    world.run(5.0)
    assert world.store.entries("routes") and world.store.entries("services")
    world.end(one)
    return world


@pytest.mark.parametrize("streams", [True, False])
def test_an_api_server_whose_first_lists_are_empty_empties_no_store(world: World, streams: bool) -> None:
    before: Any = world.store.mark
    world.cluster.streams = streams
    world.cluster.lies = ["services", "endpointslices", "configmaps"]
    one = world.begin()
    world.run(DOUBTED + 5.0)
    assert one.controller.ready and one.leads and world.cluster.lies == []
    assert world.store.mark == before


def test_what_is_empty_indeed_is_ready_a_moment_later(world: World) -> None:
    for plural, key in (("services", "n/s"), ("endpointslices", "n/s-1"), ("configmaps", "n/m")):
        world.cluster.delete(plural, key)
    one = world.begin()
    world.run(DOUBTED / 2)
    assert not one.controller.ready
    world.run(DOUBTED / 2 + 0.5)
    assert one.controller.ready
    world.run(5.0)
    assert world.store.entries("routes") == world.store.entries("services") == {}


def test_who_follows_leads_as_soon_as_the_leader_ends(world: World) -> None:
    first, second = world.begin(), world.begin()
    world.run(DOUBTED + 4.0)
    assert first.leads and not second.leads
    first.controller.stop()
    world.run(0.05)
    assert second.leads
    world.cluster.put("services", service("n/late"))
    world.run(0.05)
    assert "n/late:80" in world.store.entries("services")


def test_where_leases_can_not_be_watched_the_other_asks(world: World) -> None:
    world.cluster.fail("/leases?", 403)
    first, second = world.begin(), world.begin()
    world.run(DOUBTED + 4.0)
    first.controller.stop()
    world.run(2.0)
    assert second.leads

"""What /readyz of a controller answers."""

from __future__ import annotations

from controller.rig import route
from controller.stores import PlayedRedis
from controller.world import World
from kube.apiserver import config_map, service, slice_


def test_each_kind_says_how_long_nothing_was_heard_and_the_store_why() -> None:
    world = World(PlayedRedis())
    world.cluster.put("services", service("n/s"))
    world.cluster.put("endpointslices", slice_("n/s", "10.0.0.1"))
    world.cluster.put("configmaps", config_map("n/m", route("a")))
    controller = world.begin().controller
    begun = controller.report()
    assert (begun["status"], begun["store"], begun["store_failure"]) == ("starting", False, None)
    world.run(10.0)
    found = controller.report()
    kinds = ["services", "endpointslices", "configmaps in n"]
    assert (found["status"], found["leads"], found["store"]) == ("ready", True, True)
    assert found["kubernetes"] == dict.fromkeys(kinds, True)
    assert {name: one["synced"] for name, one in found["kinds"].items()} == found["kubernetes"]
    assert all(one["silent_for"] < 10 for one in found["kinds"].values())
    world.cluster.down = True  # without a word: the watches just say nothing
    world.store.set_down(True)
    world.run(30.0)
    found = controller.report()
    assert all(30 < one["silent_for"] < 40 for one in found["kinds"].values())
    assert (found["kubernetes"], found["leads"]) == (dict.fromkeys(kinds, True), False)
    assert (found["status"], found["store"], found["store_failure"]) == ("starting", False, "Redis is gone")
    world.heal()
    world.cluster.put("services", service("n/t"))
    world.run(1.0)
    found = controller.report()
    assert (found["store"], found["store_failure"]) == (True, None)
    assert found["kinds"]["services"]["silent_for"] <= 1.0

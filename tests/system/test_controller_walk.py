"""A walk by chance, of real processes but for the API server: in the end the store says what the objects say."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from controller import wanted
from controller.rig import route
from kube.apiserver import ApiServer, config_map, service, slice_
from system.controlling import SHORT_LEASE, ControllerProcess
from system.harness import poll
from system.redis import RedisServer
from system.shared import RedisStore

#: Of the walk; so many steps of it.
SEED, STEPS = 7, 30


class Walk:
    def __init__(self, directory: Path, api: ApiServer, redis: RedisServer) -> None:
        self._chance, self._directory, self._api = random.Random(SEED), directory, api
        self.store = RedisStore(redis, bare=True)
        self._number = 0
        self.controllers: list[ControllerProcess] = []

    def begin(self) -> None:
        self._number += 1
        directory = self._directory / f"c{self._number}"
        self.controllers.append(ControllerProcess(directory, self._api, self.store, wait=False, lease=SHORT_LEASE))

    def step(self) -> None:
        objects = [self.put_service, self.put_slice, self.put_slice, self.put_map, self.put_map, self.delete]
        steps = [*objects, self.trouble, self.emptied, self.written]
        self._chance.choice(steps)()

    def put_service(self) -> None:
        self._api.put("services", service(f"n/{self._name()}"))

    def put_slice(self) -> None:
        number = self._chance.randint(1, 2)
        addresses = [f"10.0.{number}.{last}" for last in range(self._chance.randint(0, 3))]
        self._api.put("endpointslices", slice_(f"n/{self._name()}", *addresses, number=number))

    def put_map(self) -> None:
        name = self._name()
        self._api.put("configmaps", config_map(f"n/{name}", route(name, f"h{self._chance.randint(0, 9)}.example.com")))

    def delete(self) -> None:
        plural = self._chance.choice(["services", "endpointslices", "configmaps"])
        if self._api.objects[plural]:
            self._api.delete(plural, self._chance.choice(sorted(self._api.objects[plural])))

    def trouble(self) -> None:
        """Of the API."""
        if self._chance.random() < 0.5:
            self._api.forget()
        self._api.fail("endpointslices", *self._chance.choices([401, 429, 500], k=self._chance.randint(0, 1)))
        self._api.cut()

    def emptied(self) -> None:
        self.store.clear()

    def written(self) -> None:
        """By somebody else, into what is the controller's."""
        held = sorted(self.store.entries("services"))
        if held:
            self.store.write("services", {"services": {held[0]: {"source": "kube", "endpoints": []}}})

    def _name(self) -> str:
        return self._chance.choice("abcd")

    def agrees(self) -> bool:
        objects: Any = self._api.objects
        entries = self.store.entries("services")
        held = {key: wanted.endpoints(json.dumps(entry).encode()) for key, entry in entries.items()}
        routes = {name: (entry["doc"], entry["origin"]) for name, entry in self.store.entries("routes").items()}
        services = wanted.services(objects["services"], objects["endpointslices"])
        return held == services and routes == wanted.documents(objects["configmaps"])[0]


def test_a_walk(tmp_path: Path) -> None:
    with ApiServer() as api, RedisServer() as redis:
        walk = Walk(tmp_path, api, redis)
        try:
            walk.begin()
            walk.begin()
            for number in range(STEPS):
                walk.step()
                if number == STEPS // 3:
                    poll(walk.agrees)
                    walk.controllers.pop(0).kill()
                elif number == STEPS // 2:
                    walk.store.stop()
                    walk.put_slice()
                    walk.begin()
                    walk.put_map()
                    walk.store.start()
            poll(walk.agrees)
            before = walk.store.revisions()
            walk.controllers.pop(0).kill()
            poll(walk.controllers[0].leads)
            assert walk.agrees() and walk.store.revisions() == before
        finally:
            for one in walk.controllers:
                one.kill()

"""What a store should hold by what the objects say: said a second time, as plainly as can be, to compare with."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import yaml

Object = Mapping[str, Any]


def services(services: Mapping[str, Object], slices: Mapping[str, Object]) -> dict[str, Any]:
    """By key what each port has for endpoints: {address: (ready, serving, terminating)}."""
    found: dict[str, Any] = {}
    for name, service in services.items():
        for port in service["spec"].get("ports", ()):
            if port.get("protocol", "TCP") != "TCP":
                continue
            key = f"{name}:{port['port']}"
            if service["spec"].get("type") == "ExternalName":
                address = service["spec"]["externalName"]
                leads = address.replace(".", "").isdigit() and not address.startswith("127.")
                found[key] = {f"{address}:{port['port']}": (True, True, False)} if leads else {}
            else:
                found[key] = _endpoints(name, port.get("name", ""), slices.values())
    return found


def _endpoints(service: str, port_name: str, slices: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in slices:
        owner = f"{one['metadata']['namespace']}/{one['metadata']['labels']['kubernetes.io/service-name']}"
        for port in one["ports"]:
            if owner == service and port.get("name", "") == port_name:
                for item in one["endpoints"]:
                    said = item["conditions"]
                    state = (said["ready"], said.get("serving", said["ready"]), said.get("terminating", False))
                    found[f"{item['addresses'][0]}:{port['port']}"] = state
    return found


def endpoints(raw: bytes) -> dict[str, Any]:
    """The same of an entry of the store."""
    return {
        one["address"]: (one.get("ready", True), one.get("serving", True), one.get("terminating", False))
        for one in json.loads(raw)["endpoints"]
    }


class Rest(NamedTuple):
    """A document that is not in force as it is. `bad`: it can't be used."""

    name: str
    origin: str
    hosts: list[str]
    bad: bool

    def closes(self, name: str, entry: Any) -> bool:
        """Whether `entry`, which is called `name`, is what closes its hosts."""
        doc = {"name": name, "hosts": self.hosts}
        return name in (self.name, self.origin) and entry == {"doc": doc, "source": "kube", "origin": self.origin}

    def is_closed(self, routes: Mapping[str, Any]) -> bool:
        """Whether its hosts are closed, or what it was before is in force."""
        if any(self.closes(name, entry) for name, entry in routes.items()):
            return True
        last = routes.get(self.name)
        return self.bad and last is not None and set(last["doc"]) != {"name", "hosts"}


def documents(maps: Mapping[str, Object], taken: Collection[str] = ()) -> tuple[dict[str, Any], list[Rest]]:
    """By name (document, origin) of what counts; and the documents that don't. `taken` names are somebody else's.

    The texts are those of tests: many documents, each with a name, bad where `hosts` is no list.
    """
    good: dict[str, Any] = {}
    rest: list[Rest] = []
    for key, value in sorted(maps.items(), key=lambda one: (one[1]["metadata"]["creationTimestamp"], one[0])):
        if (value["metadata"].get("labels") or {}).get("gwt.io/route") != "true":
            continue
        for data_key, text in sorted(value["data"].items()):
            for number, document in enumerate(yaml.safe_load_all(text), 1):
                origin = f"{key}/{data_key}" + (f"#{number}" if number > 1 else "")
                if not isinstance(document["hosts"], list):
                    rest.append(Rest(document["name"], origin, [document["hosts"]], True))
                elif document["name"] in good:
                    rest.append(Rest(document["name"], origin, document["hosts"], False))
                else:
                    good[document["name"]] = ({**document, "namespace": "n"}, origin)
    rest += [Rest(name, good[name][1], good[name][0]["hosts"], False) for name in good if name in taken]
    return {name: one for name, one in good.items() if name not in taken}, rest

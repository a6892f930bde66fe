"""ConfigMaps -> Routes, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gwt.controller.maps import Maps, reduce_map, shown
from gwt.model.route import Problem
from gwt.steps import finish
from gwt.store.entries import Entry, entry_content


def route(host: str = "a.example.com", **more: Any) -> dict[str, Any]:
    return {"hosts": [host], "services": [{"name": "s", "port": 80, "paths": [{"uri": "/"}]}], **more}


def config_map(key: str, *texts: Any, **metadata: Any) -> Any:
    namespace, name = key.split("/")
    text = "\n---\n".join(one if isinstance(one, str) else json.dumps(one) for one in texts)
    metadata = {"namespace": namespace, "name": name, "labels": {"gwt.io/route": "true"}, **metadata}
    return reduce_map({"metadata": metadata, "data": {"r.yaml": text}})


def maps(*values: Any, targets: tuple[str, ...] = ("*",)) -> Maps:
    made = Maps("gwt.io/route=true", targets)
    for value in values:
        made.change(f"{value.namespace}/{value.name}", None, value)
    finish(made.read())
    return made


def messages(made: Maps, key: str) -> list[str]:
    return [problem.message for problem in made.desired().problems[key]]


def test_names_namespaces_and_origins() -> None:
    desired = maps(config_map("n/m", route(), route("b.example.com", name="b", namespace="o"))).desired()
    first, second = desired.docs["n/m/r.yaml"], desired.docs["b"]
    assert (first.origin, second.origin) == ("n/m/r.yaml", "n/m/r.yaml#2")
    assert first.doc == route(name="n/m/r.yaml", namespace="n")
    assert second.doc is not None and second.doc["namespace"] == "o"
    assert not entry_content("routes", "b", Entry(second.doc, "kube", second.origin).text().encode()).problems


def test_garbage_harms_no_other() -> None:
    made = maps(config_map("n/m", "hosts: [", route(name="b")), config_map("n/o", route(name="c", hosts=5)))
    desired = made.desired()
    assert desired.docs.keys() == {"b"}
    assert "n/m/r.yaml" in desired.unusable and ("n/o", "c") in desired.unusable
    assert desired.problems["n/m"][0].file == "n/m/r.yaml"
    assert desired.problems["n/o"][0].line == 1


def test_of_two_with_one_name_the_older_config_map_counts() -> None:
    old = config_map("n/z", route(name="a"), creationTimestamp="2020-01-01T00:00:00Z")
    new = config_map("n/b", route("b.example.com", name="a"), creationTimestamp="2021-01-01T00:00:00Z")
    made = maps(new, old)
    assert made.desired().docs["a"].origin == "n/z/r.yaml"
    assert messages(made, "n/b") == ["the name 'a' is taken by n/z/r.yaml"]
    assert [(one.origin, one.hosts) for one in made.desired().closed] == [("n/b/r.yaml", ("b.example.com",))]


def test_what_is_not_in_force_is_closed_as_far_as_its_hosts_can_be_read() -> None:
    marked = route("x{mark}.example.com", name="a", envs=[{"mark": "-1"}, {"mark": "-2"}])
    stream = {"name": "a", "stream": "tcp", "services": [{"name": "s", "port": 80}]}
    made = maps(config_map("n/m", route(name="a"), marked, route("b.example.com", hots=1), "hosts: [", stream))
    assert [(one.origin, one.hosts) for one in made.desired().closed] == [
        ("n/m/r.yaml#2", ("x-1.example.com", "x-2.example.com")),
        ("n/m/r.yaml#3", ("b.example.com",)),
    ]


def test_targets() -> None:
    other = route(name="a", envs=[{"mark": "", "namespace": "secret"}])
    assert maps(config_map("n/m", other)).desired().docs
    made = maps(config_map("n/m", other, route(name="own")), targets=("shop-*",))
    assert made.desired().docs.keys() == {"own"}
    assert "may not name Services of secret" in messages(made, "n/m")[0]
    upstream = route(name="a", services=[{"upstream": "secret/s:80", "paths": [{"uri": "/"}]}])
    assert not maps(config_map("n/m", upstream), targets=("n",)).desired().docs


def test_annotations_ask_for_nothing() -> None:
    made = maps()
    one = config_map("n/m", route())
    assert made.change("n/m", None, one)
    told = config_map("n/m", route(), annotations={"gwt.io/status": "x"})
    assert not made.change("n/m", one, told)
    assert made.maps["n/m"].status == "x"
    assert made.change("n/m", told, None)
    finish(made.read())
    assert made.desired().docs == {}


def test_digests_tell_data_from_data() -> None:
    values = [
        {"a": "1", "b": "2"},
        {"a": "1", "b": "3"},
        {"a": "1b", "": "2"},
        {"ab": "12"},
        {},
        None,
        [],
        {"a": "\ud800"},
    ]
    digests = []
    for data in values:
        metadata = {"namespace": "n", "name": "m", "labels": {"gwt.io/route": "true"}}
        made = maps(reduce_map({"metadata": metadata, "data": data}))
        digests.append(made.desired().digests["n/m"])
    assert len(set(digests)) == len(values)
    turned = {"metadata": metadata, "data": dict(reversed(values[0].items()))}  # type: ignore[union-attr]
    assert maps(reduce_map(turned)).desired().digests["n/m"] == digests[0]


def test_warnings() -> None:
    value = reduce_map({"metadata": {"namespace": "n", "name": "m", "labels": {"gwt.io/route": "true"}},
                        "data": {"readme": "x", "r.json": json.dumps(route())}})  # fmt: skip
    made = maps(value)
    assert "readme is not read" in messages(made, "n/m")[0]
    assert len(made.desired().docs) == 1 and not made.desired().unusable


def test_an_unknown_auth_type_reaches_the_store() -> None:
    paths = [{"uri": "/", "access": {"auth_type": "sso"}}]
    made = maps(config_map("n/m", route(name="a", services=[{"upstream": "u", "paths": paths}])))
    assert made.desired().docs.keys() == {"a"}
    assert "unknown auth_type 'sso'" in messages(made, "n/m")[0]


def test_what_json_can_not_say() -> None:
    text = 'hosts: [a.example.com]\nservices: [{name: s, port: 80, paths: [{uri: /, vars: [[arg_a, ">", .inf]]}]}]'
    made = maps(config_map("n/m", text))
    assert made.desired().docs == {} and made.desired().problems["n/m"]


@pytest.mark.parametrize("data", [None, [], "x", {"a.yaml": 5}])
def test_data_that_are_none(data: Any) -> None:
    value = {"metadata": {"namespace": "n", "name": "m", "labels": {"gwt.io/route": "true"}}, "data": data}
    assert maps(reduce_map(value)).desired().docs == {}


def test_errors_are_shown_first() -> None:
    problems = [Problem("a", 1, 1, "w", severity="warning"), Problem("b", 1, 1, "e")]
    assert [one.message for one in shown(problems)] == ["e", "w"]

"""Kubernetes objects opened: Lists, ConfigMaps, labels, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from gwt.model import kube


def config_map(labels: Any, data: Any) -> kube.Item:
    return kube.item_of(
        {"metadata": {"name": "c", "namespace": "n", "labels": labels}, "data": data}, "ConfigMap", ("items", 1)
    )


def test_lists_are_opened_with_their_places() -> None:
    value = {
        "kind": "List",
        "items": [
            {"kind": "Service", "metadata": {"name": "a"}},
            {"kind": "ServiceList", "items": [{"metadata": {"name": "b", "namespace": "n"}}]},
            3,
            {"kind": "Service"},
        ],
    }
    found = list(kube.objects(value))
    assert [(one.kind, one.namespace, one.name, one.path) for one in found[:2]] == [
        ("Service", "default", "a", ("items", 0)),
        ("Service", "n", "b", ("items", 1, "items", 0)),
    ]
    assert [bool(one.fault) for one in found] == [False, False, True, True]


@pytest.mark.parametrize(
    "value",
    [
        {"kind": 3},
        {"kind": "List", "items": {}},
        {"kind": "Service", "metadata": []},
        {"kind": "Service", "metadata": {"name": 3}},
        {"kind": "Service", "metadata": {"name": "a", "namespace": 3}},
        {"kind": ""},
        {"kind": "Service", "metadata": None},
    ],
)
def test_malformed_objects(value: Any) -> None:
    (item,) = kube.objects(value)
    assert item.fault


def test_an_empty_list_is_nothing() -> None:
    assert list(kube.objects({"kind": "List", "items": None})) == []


def test_texts_of_a_config_map() -> None:
    item = config_map({"gwt.io/route": "true"}, {"b.yml": "2", "a.yaml": "1", "c.json": "3", "d.txt": "4", "e.yaml": 5})
    assert list(kube.config_map_texts(item)) == [
        ("n/c/a.yaml", "1", ("items", 1, "data", "a.yaml")),
        ("n/c/b.yml", "2", ("items", 1, "data", "b.yml")),
        ("n/c/c.json", "3", ("items", 1, "data", "c.json")),
    ]
    warned = [path[-1] for _, path in kube.config_map_warnings(item)]
    assert warned == ["d.txt", "e.yaml"]


@pytest.mark.parametrize("labels", [None, {}, {"gwt.io/route": "false"}, {"gwt.io/route": True}, 3])
def test_without_the_label_nothing_is_read(labels: Any) -> None:
    item = config_map(labels, {"a.yaml": "hosts: [x]", "ca.crt": "x"})
    assert list(kube.config_map_texts(item)) == []
    assert len(list(kube.config_map_warnings(item))) == 1


def test_the_label_can_be_chosen() -> None:
    item = config_map({"mine": "x"}, {"a.yaml": "1"})
    assert len(list(kube.config_map_texts(item, "mine"))) == 1
    assert list(kube.config_map_texts(item, "mine=y")) == []


def test_data_of_another_shape() -> None:
    assert list(kube.config_map_texts(config_map({"gwt.io/route": "true"}, [1]))) == []
    assert len(list(kube.config_map_warnings(config_map({}, [1])))) == 1
    assert list(kube.config_map_warnings(config_map({}, None))) == []

"""gwt.testing.strategies and schemas: what is drawn is what the gateway takes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from gwt.balance.endpoint import Registry
from gwt.compile import compile_now, empty_snapshot
from gwt.delta import Delta
from gwt.model.route import Route
from gwt.model.schema import definitions
from gwt.phase.plugintype import PluginType
from gwt.plugins.request_id import RequestId
from gwt.plugins.response_rewrite import ResponseRewrite
from gwt.surroundings import Surroundings
from gwt.testing import Gateway, Says, strategies
from gwt.testing.schemas import of_schema

law = settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", ["Path", "RateLimit", "Access", "Balance"])
@law
@given(data=st.data())
def test_values_of_a_schema_fit_it(name: str, data: st.DataObject) -> None:
    found = definitions()
    schema: Any = {**found.get(name, found["Path"]), "definitions": found}
    Draft7Validator(schema).validate(data.draw(of_schema(schema)))


@pytest.mark.parametrize("cls", [RequestId, ResponseRewrite])
@law
@given(data=st.data())
def test_configurations_are_taken(cls: Any, data: st.DataObject) -> None:
    conf = data.draw(strategies.configurations(cls))
    PluginType(cls).make(conf)
    Draft7Validator(PluginType(cls).schema()).validate(conf)


@law
@given(strategies.requests(("X-Mine", "/mine"), whole=False), strategies.answers(whole=False))
def test_requests_and_answers_go_through(request: Any, says: Says) -> None:
    answer = Gateway(upstream=says).ask(request)
    assert answer.upstream is not None and answer.upstream.body == request.body
    assert answer.status == says.status and answer.complete


@law
@given(strategies.routes)
def test_routes_compile(route: Route) -> None:
    surroundings = Surroundings(Registry(lambda: 0.0, lambda: 0.5))
    snapshot = compile_now(empty_snapshot(surroundings), Delta(1, {"r": route}), surroundings)
    assert not [one for one in snapshot.problems() if one.severity == "error"] and list(snapshot.router.entries())


@law
@given(strategies.endpoints)
def test_endpoints(endpoint: Any) -> None:
    host, _, port = endpoint.address.rpartition(":")
    assert host.startswith("10.0.0.") and 80 <= int(port) <= 90


def test_words_are_what_a_configuration_holds() -> None:
    assert strategies.words_of({"a": ["b", 1, True], "c": {"d": None}}) == ("a", "b", "1", "c", "d")

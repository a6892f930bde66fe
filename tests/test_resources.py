"""gwt.resources: `package.module:factory` to a resource, or one line that says why not."""

from __future__ import annotations

import pytest
from twisted.web.resource import Resource

from gwt.resources import ResourceError, load_resource, load_resources

TEXT = "twisted.web.resource:Resource"


def test_the_factory_is_called() -> None:
    assert isinstance(load_resource("x", TEXT), Resource)


def test_a_reload_keeps_what_is_named_as_before() -> None:
    first = load_resources({"a": TEXT, "b": TEXT})
    again = load_resources({"a": TEXT, "b": "twisted.web.vhost:NameVirtualHost"}, {"a": TEXT, "b": TEXT}, first)
    assert again["a"] is first["a"]
    assert again["b"] is not first["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no.such.module:x", "ModuleNotFoundError"),
        ("twisted.web.resource:nothing", "AttributeError"),
        ("twisted.web.static:File", "TypeError"),
        ("builtins:dict", "made a dict, which is no twisted.web resource"),
    ],
)
def test_what_cannot_be_made_says_why(text: str, said: str) -> None:
    with pytest.raises(ResourceError, match=said) as caught:
        load_resource("status", text)
    assert str(caught.value).startswith(f"resources.status: {text}")

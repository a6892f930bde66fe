"""gateway.yaml: defaults, every key, every problem at once, secrets that don't show."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gwt.model.route import Timeout
from gwt.model.settings import Exchange, Secret, Settings, load_settings, reveal

KEY = base64.b64encode(b"k" * 32).decode()


def load(text: str, **env: str) -> Settings:
    settings, problems = load_settings(text, "g.yaml", env)
    assert settings is not None, problems
    return settings


def test_nothing_gives_the_defaults() -> None:
    assert load("") == Settings(file="g.yaml") == load("# nothing\n")
    assert load("{}") == Settings(file="g.yaml")


DEFAULTS = """\
listeners:
  proxy: tcp:9080
  service_proxy: null
  admin: tcp:9180:interface=127.0.0.1
store: file:./routes
refresh: 1.0
workers: 1
drain: 30
drain_delay: 0
trusted_proxies: []
plugins: null
plugin_path: []
global_plugins: {}
resources: {}
debug_token: null
admin_token: null
metrics_token: null
identity:
  cookie: session
  mode: sealed
  keys: []
  exchange: null
  login_url: null
  strip_cookie: false
service_proxy: {allow: ["*/*"], deny: ["kube-system/*", "default/kubernetes"]}
access: {}
paths: {merge_slashes: true, escaped_slashes: auto}
access_log: {path: "-", format: json}
limits: {max_header_bytes: 32KiB, max_headers: 100, header_timeout: 10, idle_timeout: 75, max_connections: 100000}
external_name: {allow: ["*"], deny_addresses: [127.0.0.0/8, "::1/128", 169.254.0.0/16, "fe80::/10", 0.0.0.0/8]}
"""


def test_the_documented_defaults_are_the_defaults() -> None:
    assert load(DEFAULTS) == Settings(file="g.yaml")


def test_values() -> None:
    found = load(
        "listeners: {proxy: [tcp:1, unix:/x], service_proxy: tcp:2, admin: null}\n"
        "workers: auto\ndrain: 1m\naccess_log: null\n"
        "access: {timeout: 5}\ntrusted_proxies: [10.0.0.1/8]\nlimits: {max_header_bytes: 64KiB}\n"
        f"identity: {{mode: exchange, exchange: {{url: 'http://u/s', ttl: 1m}}, keys: ['{KEY}']}}\n"
        "global_plugins: {cors: {}}\nresources: {docs: 'a.b:make'}\n"
    )
    assert found.listeners.proxy == ("tcp:1", "unix:/x")
    assert (found.listeners.service_proxy, found.listeners.admin) == (("tcp:2",), ())
    assert (found.workers, found.drain, found.access_log) == (0, 60.0, None)
    assert found.access.timeout == Timeout(5, 5, 5)
    assert found.access.lines == {"timeout": 5}
    assert found.trusted_proxies == ("10.0.0.0/8",)
    assert found.limits.max_header_bytes == 65536
    assert found.identity.exchange == Exchange("http://u/s", 0.5, 60.0, 60.0)
    assert found.global_plugins[0].name == "cors"


def test_all_problems_at_once() -> None:
    text = (
        "listners: {}\ndrain: 1x\nstore: redx://u:pw@h\nworkers: 0\naccess: {timeout: x, auth_type: logn}\n"
        "listeners: {proxy: nonsense}\nidentity: {mode: exchange, keys: [short]}\nservice_proxy: {allow: [3, x]}\n"
        "debug_token: ${env:NONE}\nlimits: {max_headers: 0, idle_timeout: 0}\ntrusted_proxies: [x]\nresources: {a: b}\n"
    )
    settings, problems = load_settings(text, "g.yaml", {})
    assert settings is None
    assert {problem.line for problem in problems} == set(range(1, 13))
    assert problems == sorted(problems, key=lambda problem: (problem.line, problem.column))
    assert not any("pw@" in problem.message + problem.text for problem in problems)


def test_an_auth_type_that_is_not_known_is_refused() -> None:
    settings, (problem,) = load_settings("access: {auth_type: sso}\n", "g.yaml", {})
    assert settings is None
    assert (problem.line, problem.column, problem.severity) == (1, 21, "error")
    assert "unknown auth_type 'sso'" in problem.message


@pytest.mark.parametrize("text", ["[]", "a: 1\n---\nb: 2\n", "x: [", "store: 5", "store: ''", "null: 1"])
def test_refused(text: str) -> None:
    settings, problems = load_settings(text, "g.yaml", {})
    assert settings is None
    assert problems


def test_secrets_come_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from file\n")
    text = "debug_token: ${file:token}\nadmin_token: a${env:X}$${env:X}\nstore: redis://:${env:X}@h/0\n"
    settings, problems = load_settings(text, str(tmp_path / "g.yaml"), {"X": "hunter2"})
    assert settings is not None, problems
    assert settings.debug_token is not None and settings.admin_token is not None
    assert settings.debug_token.reveal() == "from file"
    assert settings.admin_token.reveal() == "ahunter2${env:X}"
    assert reveal(settings.store) == "redis://:hunter2@h/0"
    for shown in (repr(settings), str(settings.dump()), f"{settings.store} {settings.debug_token}"):
        assert "hunter2" not in shown and "from file" not in shown
    assert settings.dump()["store"] == "redis://:${env:X}@h/0"
    missing, (problem,) = load_settings("debug_token: ${file:none}", str(tmp_path / "g.yaml"), {})
    assert missing is None and "No such file" in problem.message


def test_literal_secrets_are_masked_too() -> None:
    found = load(
        f"debug_token: hunter2\nstore: redis://u:hunter2@h\nidentity: {{keys: ['{KEY}']}}\n"
        "global_plugins: {a: {secret: hunter2}}"
    )
    assert "hunter2" not in str(found.dump()) and KEY not in str(found.dump())
    assert "hunter2" not in repr(found).replace("{'secret': 'hunter2'}", "")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("identity:\n  keys:\n  - hunter2\n", 3, "a key of `identity.keys` is the base64 of 32 bytes"),
        ("identity:\n  keys: [\n   hunter2]\n", 3, "a key of `identity.keys` is the base64 of 32 bytes"),
        (f"identity:\n  keys:\n  - {KEY}\n  - {KEY}\n", 4, "this key of `identity.keys` stands twice"),
        ("identity:\n  keys: hunter2\n", 2, "expected a list"),
        ("identity:\n  keys: [[hunter2]]\n", 2, "expected a text"),
        ("admin_token:\n  hunter2: 1\n", 2, "expected a text or null"),
        ("debug_token: 'hunter2\n", 1, "a quote is opened here and never closed"),
        (f"identity:\n  keys:\n  - '{KEY}\n", 3, "a quote is opened here and never closed"),
    ],
)
def test_what_is_wrong_with_a_secret_is_said_without_it(text: str, line: int, said: str) -> None:
    settings, problems = load_settings(text, "g.yaml", {})
    assert settings is None and [problem.line for problem in problems] == [line]
    assert problems[0].message.startswith(said)
    assert not any(secret in str(problems) for secret in ("hunter2", KEY, KEY[:20]))


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("http://user.internal/session", True),
        ("https://u:8443", True),
        ("http://[::1]:80/x?y=z", True),
        ("http://name:hunter2@u/s", False),
        ("http:///s", False),
        ("http://u:99999/", False),
        ("http://u:0/", False),
        ("http://u/#x", False),
        ("http://u/a b", False),
        ("http://[::1/", False),
        ("ftp://u/", False),
    ],
)
def test_where_to_exchange(value: str, good: bool) -> None:
    text = f"identity:\n  mode: exchange\n  exchange:\n    url: '{value}'\n"
    settings, problems = load_settings(text, "g.yaml", {})
    assert (settings is not None) is good
    assert good or ([problem.line for problem in problems] == [4] and "hunter2" not in str(problems))


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("/login", True),
        ("/", True),
        ("/login?tenant=a#top", True),
        ("https://login.example.com/start?x=1#y", True),
        ("https://login.example.com", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("javascript:alert(1)", False),
        ("login", False),
        ("/lo gin", False),
        ("/x\r\nSet-Cookie: a=b", False),
        ("https://", False),
        ("https://\u00e4.example", False),
    ],
)
def test_where_to_log_in(value: str, good: bool) -> None:
    settings, problems = load_settings(f"identity:\n  login_url: {json.dumps(value)}\n", "g.yaml", {})
    assert (settings is not None) is good
    assert good or [problem.line for problem in problems] == [2]


def test_secrets_are_texts() -> None:
    secret = Secret("abc")
    assert secret == "abc" and secret.encode() == b"abc" and hash(secret) == hash("abc")
    assert (str(secret), repr(secret), f"{secret}", f"{secret:>5}") == ("***", "'***'", "***", "  ***")
    assert pickle.loads(pickle.dumps(secret)).reveal() == "abc"


@hypothesis_settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    load_settings(text, "g.yaml", {}, lambda path: "x")


@hypothesis_settings(deadline=None)
@given(
    st.sampled_from(sorted(Settings.__dataclass_fields__)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["keys", "proxy", "mode", "exchange", "url", "allow"]), inner)
        ),
    ),
)
def test_no_value_raises(key: str, value: object) -> None:
    settings, problems = load_settings(json.dumps({key: value}), "g.yaml", {}, lambda path: "x")
    assert (settings is None) == any(problem.severity == "error" for problem in problems)

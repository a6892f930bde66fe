"""Every module of gwt has a test module of its own, or a reason here why it needs none.

gwt/model/parse.py is twinned by tests/model/test_parse.py; where that name is taken elsewhere, test_model_parse.py or
test_parse_<aspect>.py will do.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Modules without a twin, and why.
WITHOUT = {
    "gwt/controlling.py": "tests/system/test_controller.py runs it as a process",
    "gwt/cli/command.py": "tests/cli/test_cli_main.py goes through it with every command",
    "gwt/cli/demo.py": "tests/system/test_demo_process.py runs it as a process",
    "gwt/cli/table.py": "tests/cli/test_routes_command.py has it",
    "gwt/forward.py": "tests/test_proxy.py has its story over real sockets",
    "gwt/transfer.py": "tests/test_proxy_pace.py has it over real sockets, tests/test_proxy.py how it ends",
    "gwt/model/route.py": "frozen values without behaviour",
    **dict.fromkeys(
        (f"gwt/testing/{name}.py" for name in "client reactor upstreams wire".split()),
        "tests/testing/test_gateway.py goes through them with every request",
    ),
    "gwt/testing/outcome.py": "tests/testing/test_pristine.py and test_laws.py have it",
    "gwt/testing/schemas.py": "tests/testing/test_strategies.py has it",
    **dict.fromkeys(
        (f"gwt/reactor/{name}.py" for name in "attach incoming outbox outgoing reactor tcp unix".split()),
        "tests/reactor has a module for each behaviour of the whole, and Twisted's own suite",
    ),
    "gwt/reactor/tls.py": "tests/system/test_certificates.py runs it both ways, beside Twisted's own TLS",
    "gwt/wire/h2/events.py": "values without behaviour; tests/wire/h2/test_h2_connection.py has them all",
    "gwt/wire/h2/faults.py": "exceptions without behaviour",
    "gwt/store/reader.py": "protocols without behaviour; tests/store/test_shared.py stands in for them",
    "gwt/upstream/owner.py": "a protocol without behaviour; tests/upstream/test_connection.py stands in for it",
    "gwt/process/alone.py": "tests/system/test_life.py runs it as a process",
    "gwt/process/service.py": "tests/system/test_life.py runs it as a process",
    "gwt/process/supervised.py": "tests/system/test_supervised.py runs it as a process",
}


def has_twin(source: Path) -> bool:
    folder = ROOT / "tests" / source.relative_to(ROOT / "gwt").parent
    stem = source.stem.strip("_")
    names = (f"test_{stem}.py", f"test_{stem}_*.py", f"test_{source.parent.name}_{stem}.py")
    return any(next(folder.glob(name), None) for name in names)


def test_every_module_has_a_twin() -> None:
    lonely = [
        name
        for path in sorted((ROOT / "gwt").rglob("*.py"))
        if path.name != "__init__.py" and not has_twin(path)
        for name in [str(path.relative_to(ROOT))]
        if name not in WITHOUT
    ]
    assert not lonely, f"no test module for: {lonely}"


def test_reasons_are_still_needed() -> None:
    stale = [name for name in WITHOUT if not (ROOT / name).is_file() or has_twin(ROOT / name)]
    assert not stale, f"listed without need: {stale}"

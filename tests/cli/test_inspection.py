"""gwt.cli.inspection: every file judged as what it is, and nothing left out for what is wrong elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gwt.cli.inspection import Inspection
from gwt.cli.main import run
from gwt.model.problem import place

CONFIG = Path(__file__).resolve().parent.parent.parent / "config"

ROUTE = """\
name: {name}
hosts: [{name}.example.com]
services:
- upstream: u
  paths: [{{uri: /}}]
"""
BAD = "name: bad\nhosts: [b.example.com]\nservices: 5\n"
MISFIT = ROUTE + "plugins: {{cors: {{max_age: x}}}}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files: str) -> None:
    """Files by path, of which `__` parts the steps."""
    for name, text in files.items():
        path = Path(name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def inspected(*paths: str, under: str | None = None) -> tuple[list[str], int]:
    """The places of all problems, and how many files there were."""
    inspection = Inspection()
    if under is not None:
        inspection.under(Path(under))
    for path in paths:
        inspection.look(Path(path))
    inspection.finish()
    return [place(one) for one in inspection.problems], inspection.files


def test_the_layout_of_the_readme_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    write(gateway="store: file:./routes\n", routes__shop=ROUTE.format(name="shop"))
    for what in ("route", "gateway"):
        assert run(["schema", what]) == 0
        Path(f"{what}.schema.json").write_text(capsys.readouterr().out)
    assert inspected(".") == ([], 4)


@pytest.mark.parametrize("path", ["config", "config/controller.yaml", "config/streams", "config/routes"])
def test_the_examples_of_the_source_tree_are_clean(path: str) -> None:
    shutil.copytree(CONFIG, "config")
    assert inspected(path)[0] == []


def test_documents_are_judged_where_gateway_yaml_is_wrong() -> None:
    write(gateway="drain: soon\nstore: file:./docs\n", docs__bad=BAD, docs__gone=ROUTE.format(name="gone"))
    with Path("docs/gone.yaml").open("a") as file:
        file.write("plugins: {of-plugin-path: {}}\n")
    assert inspected("gateway.yaml") == (["gateway.yaml:1:8", "docs/bad.yaml:3:11"], 3)


def test_where_no_store_is_named_it_is_the_default() -> None:
    write(gateway="drain: soon\n", routes__bad=BAD)
    assert inspected("gateway.yaml") == (["gateway.yaml:1:8", "routes/bad.yaml:3:11"], 2)


def test_a_store_that_cannot_be_told_is_not_guessed() -> None:
    write(gateway="store: 5\n", one__gateway="store: [\n")
    assert inspected("gateway.yaml", "one/gateway.yaml") == (["gateway.yaml:1:8", "one/gateway.yaml:2:1"], 2)


def test_a_store_that_is_not_there_is_one_problem_of_many() -> None:
    write(gateway="listeners: {proxy: 'tcp:abc'}\nstore: file:gone\n", bad=BAD)
    assert inspected("gateway.yaml", "bad.yaml")[0] == ["gateway.yaml:1:20", "gateway.yaml:2:8", "bad.yaml:3:11"]


@pytest.mark.parametrize("store", ["redis://127.0.0.1/x", "'file:'", "file://host/x"])
@pytest.mark.parametrize(("drain", "others"), [("5", []), ("soon", ["gateway.yaml:2:8"])])
def test_a_store_that_is_none(store: str, drain: str, others: list[str]) -> None:
    write(gateway=f"store: {store}\ndrain: {drain}\n", bad=BAD)
    assert inspected("gateway.yaml") == ([*others, "gateway.yaml:1:8"], 1)


def test_a_misfit_of_gateway_yaml_has_its_line_with_secrets_masked() -> None:
    write(gateway="global_plugins:\n  jwt-auth: {secret: hushhush, algorithms: 5}\n", routes__x=BAD)
    inspection = Inspection()
    inspection.look(Path("gateway.yaml"))
    inspection.finish()
    misfit, bad = inspection.problems
    assert (place(misfit), place(bad)) == ("gateway.yaml:2:32", "routes/x.yaml:3:11")
    assert misfit.text.startswith("  jwt-auth: {secret: ****")
    assert "hush" not in misfit.text


def test_a_misfit_of_a_document_points_at_its_field() -> None:
    write(a=MISFIT.format(name="a"))
    assert inspected("a.yaml")[0] == ["a.yaml:6:18"]


def test_each_gateway_judges_its_own_store() -> None:
    stream = "stream: db\nservices: [{upstream: u}]\n"
    write(one__gateway="store: file:./r\nlisteners: {stream: {db: 'tcp:5432'}}\n", one__r__s=stream)
    write(two__gateway="store: file:./r\n", two__r__s=stream, two__r__bad=BAD)
    assert inspected(".") == (["two/r/bad.yaml:3:11", "two/r/s.yaml:1:1"], 5)


def test_one_gateway_judges_all_documents_as_one_store() -> None:
    write(gateway="store: file:./r\n", r__a=ROUTE.format(name="same"), else__a=ROUTE.format(name="same"))
    assert inspected(".") == (["else/a.yaml:1:1"], 3)


def test_documents_under_another_gateway_yaml() -> None:
    write(etc__gateway="plugins: []\nstore: file:./gone\n", a=ROUTE.format(name="a") + "plugins: {cors: {}}\n")
    assert inspected("a.yaml", under="etc/gateway.yaml") == (["a.yaml:6:1"], 2)


def test_a_file_counts_once() -> None:
    write(a=ROUTE.format(name="a"), gateway="store: file:./r\n", r__x=ROUTE.format(name="x"))
    assert inspected("a.yaml", "gateway.yaml", ".", "./a.yaml") == ([], 3)


def test_what_cannot_be_read_in_a_directory_is_a_problem_of_many() -> None:
    write(a=BAD)
    Path("loop.yaml").symlink_to("loop.yaml")
    assert inspected(".")[0] == ["loop.yaml", "a.yaml:3:11"]

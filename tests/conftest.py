"""All tests run with the compiled short cut, where it was built, as the gateway does.

Where several processes run the tests, one of them has those of real processes, from the start on: two of these would
be in each other's way.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from gwt import shortcuts

shortcuts.install()

# A machine that stands still for a moment is no fault of what is tested. The profile that Hypothesis chooses by itself
# is the base: with CI in the environment the examples stay the same each time.
settings.register_profile("gwt", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow]))
settings.load_profile("gwt")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        """What is one scope stays together; the largest scope comes first."""

        def _split_scope(self, nodeid: str) -> str:
            return "system" if nodeid.startswith("tests/system/") else nodeid

    return Scheduling(config, log)

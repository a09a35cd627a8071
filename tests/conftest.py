"""What every test stands on: no deadlines on shared machines, and skips that say aloud what is missing."""

import os
import shutil
import signal

import pytest
from hypothesis import HealthCheck, settings

collect_ignore = ["example_driver"]  # a package of its own: test_pytest_plugin.py installs it and runs its tests

settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("house"), derandomize=True)
settings.register_profile("mutants", settings.get_profile("ci"), max_examples=20)
settings.register_profile("deep", settings.get_profile("house"), max_examples=5000)


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of `make test &`; what the tests start is to hear Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)
    everyday = "ci" if os.environ.get("CI") else "house"  # in CI the same examples each time; at the desk new ones
    settings.load_profile("deep" if config.getoption("markexpr") == "deep" else everyday)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root")
    if item.get_closest_marker("browser") and not shutil.which("chromium"):
        pytest.skip("NOT TESTED: needs a browser: sudo apt-get install chromium chromium-driver")
    if item.get_closest_marker("mosquitto") and not shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip("NOT TESTED: needs Debian's mosquitto: sudo apt-get install mosquitto")

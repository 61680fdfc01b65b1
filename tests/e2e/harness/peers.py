"""Programs from outside that judge the product."""

import os
import shutil

import pytest


def need(program: str, package: str) -> None:
    """Skip the test where a peer is not installed; in CI that is a failure."""
    if shutil.which(program) is None:
        missing = f"{program} is not installed: apt-get install {package}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)

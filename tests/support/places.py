"""Where the checkout and its tests lie."""

from pathlib import Path

SUPPORT = Path(__file__).parent
TESTS = SUPPORT.parent
TOP = TESTS.parent
PACKAGES = TESTS / "packages"

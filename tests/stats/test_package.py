import subprocess
import sys

from netwright import stats


def test_public_names_are_sorted_and_exist():
    assert stats.__all__ == sorted(stats.__all__)
    assert all(hasattr(stats, name) for name in stats.__all__)


def test_import_is_light():
    heavy = ["torch", "pandas", "scipy.stats", "scipy.optimize"]
    code = f"import sys, netwright.stats; sys.exit(' '.join(name for name in {heavy} if name in sys.modules) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True)

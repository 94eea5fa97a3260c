import subprocess
import sys

import pytest

from netwright import stats


def test_public_names_are_sorted_and_exist():
    assert stats.__all__ == sorted(stats.__all__)
    assert all(hasattr(stats, name) for name in stats.__all__)


def test_import_is_light():
    heavy = ["torch", "pandas", "scipy.stats", "scipy.optimize"]
    code = f"import sys, netwright.stats; sys.exit(' '.join(name for name in {heavy} if name in sys.modules) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("old", "new"), [("Comparison", "KsTest"), ("Difference", "PermutationTest")])
def test_old_names_work_with_a_warning(old, new):
    with pytest.warns(DeprecationWarning, match=rf"netwright\.stats\.{old} is now netwright\.stats\.{new}"):
        assert getattr(stats, old) is getattr(stats, new)

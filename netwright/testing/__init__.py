"""Contract suites: the tests that every executor, runtime, image source and weight format of netwright must pass.

Whoever writes another one runs them with pytest on theirs:

    from netwright.testing import SourceContract

    class TestMySource(SourceContract):
        def write_images(self, folder):
            write_some_images(folder)

        def open_source(self, folder):
            return MySource(folder)

pytest collects the tests that the class inherits. They need nothing else: no conftest, no plugin, no internet. Methods
and fixtures may be overridden, those that start with `test_` only to make them stricter.

`pip install "netwright[testing]"` brings pytest.
"""

try:
    import pytest
except ImportError as error:
    raise ImportError(
        f"the contract suites need pytest, which cannot be imported: {error}. Install it: "
        'pip install "netwright[testing]"'
    ) from error

# asserts then say what they compared, as in test files; before the modules are imported
pytest.register_assert_rewrite(
    *(f"netwright.testing.{name}" for name in ("executor", "runtime", "source", "weight_format"))
)

from netwright.testing.executor import ExecutorContract  # noqa: E402
from netwright.testing.networks import disturbed, randomized  # noqa: E402
from netwright.testing.runtime import RuntimeContract  # noqa: E402
from netwright.testing.source import SourceContract  # noqa: E402
from netwright.testing.weight_format import WeightFormatContract  # noqa: E402

__all__ = [
    "ExecutorContract",
    "RuntimeContract",
    "SourceContract",
    "WeightFormatContract",
    "disturbed",
    "randomized",
]

"""What every adapter of a port does alike. The suites run once for each adapter, from the tests beside it."""

import pytest

pytest.register_assert_rewrite("tests.contract.auth", "tests.contract.data", "tests.contract.objects")

"""A method whose own requirement is not installed."""

import a_package_that_is_not_there  # noqa: F401


class Missing:
    """Never reached."""

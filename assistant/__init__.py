"""The chat application: what is said to whom, on top of the data layer."""

import datalayer  # noqa: F401  # before all else: it says so where the system is not one for it

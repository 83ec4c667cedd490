"""For all tests: property tests look at new examples on a desk, at the same ones in CI.

So a submission is judged by what it changes; what a desk finds becomes an example. Nowhere
does an example fail for having been slow: that is the machine's doing. What must be quick
has a test of its own.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("desk", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

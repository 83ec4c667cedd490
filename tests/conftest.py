"""For all tests: property tests look at new examples on a desk, at the same ones in CI.

So a submission is judged by what it changes; what a desk finds becomes an example.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

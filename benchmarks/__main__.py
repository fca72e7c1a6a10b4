"""Run every benchmark at its quick size: python -m benchmarks [NAME ...]."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "features", "intake", "night", "orchestration", "bagged_smote", "voting", "contributions", "wide_deep",
)  # fmt: skip

for name in sys.argv[1:] or NAMES:
    importlib.import_module(f"benchmarks.{name}").main([])

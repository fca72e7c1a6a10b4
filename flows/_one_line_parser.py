"""A parser of arguments that says in one line what is wrong."""

from __future__ import annotations

import argparse
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """Parse arguments; wrong ones end the program with one line and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong without the usage, which --help shows."""
        self.exit(2, f"{self.prog}: {message}\n")

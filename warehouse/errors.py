"""Name the exceptions that a user may see: their text is one clear line a fault, never a traceback."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818  (it is a refusal, not a fault)
    """The platform declines to go on; each message says what, where and what to do, in one line."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*(" ".join(str(message).split()) for message in messages))

    def __str__(self) -> str:
        return "\n".join(self.args)


class FileRefused(Refused):
    """One file is refused whole for the given reason; the other files are still loaded."""

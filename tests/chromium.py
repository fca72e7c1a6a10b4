"""A Chromium without a window, asked over its DevTools protocol: what a page looks like, and what is wrong with it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

WIDTHS = (360, 1000)  # of a telephone and of a desk, in CSS pixels
LOOK = (Path(__file__).parent / "look_at_page.js").read_text(encoding="utf-8")
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def program() -> str:
    """Return the path of Chromium; the test is skipped where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("Chromium is not installed: none of " + ", ".join(_NAMES) + " is found")
    return found


@contextmanager
def browser(folder: Path) -> Iterator[Chromium]:
    """Start a Chromium with a profile of its own in the folder, and end it."""
    profile = folder / "chromium"
    options = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
        "--disable-dev-shm-usage", "--disable-background-networking", "--remote-debugging-port=0",
        f"--user-data-dir={profile}", "about:blank",
    ]  # fmt: skip
    with subprocess.Popen(
        [program(), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            port, path = _address(profile / "DevToolsActivePort", process)
            with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as socket:
                yield Chromium(socket)
        finally:
            process.terminate()


class Chromium:
    """One tab: opens pages of files, runs expressions in them, takes pictures."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers, self._events = socket, count(1), list[dict[str, Any]]()
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def open(self, file: Path, *, width: int, fragment: str = "") -> None:
        """Open a file at a width, and forget what happened on the page before."""
        self._events.clear()
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **metrics)
        self.ask("Page.navigate", url="about:blank")
        self._until("Page.loadEventFired")
        self._events.clear()
        self.ask("Page.navigate", url=file.as_uri() + fragment)
        self._until("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript on the page."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def errors(self) -> list[str]:
        """Return what scripts and the browser complained about since the page was opened."""
        thrown = [
            event["params"]["exceptionDetails"]["text"] for event in self._of("Runtime.exceptionThrown")
        ]
        logged = [event["params"]["entry"] for event in self._of("Log.entryAdded")]
        return thrown + [entry["text"] for entry in logged if entry["level"] in ("warning", "error")]

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for, without what it carries itself."""
        asked = [event["params"]["request"]["url"] for event in self._of("Network.requestWillBeSent")]
        return [url for url in asked if not url.startswith("data:")]

    def picture(self, file: Path, *, height: int | None = None) -> None:
        """Write a picture of the page, whole or as high as told."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {
            "x": 0,
            "y": 0,
            "width": size["width"],
            "height": min(size["height"], height or 12_000),
            "scale": 1,
        }
        told = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(told["data"]))

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to the tab and return its answer."""
        return self._ask(method, session=self._session, **parameters)

    def _ask(self, method: str, *, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(command if session is None else {**command, "sessionId": session}))
        while True:
            told = self._receive()
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told['error']}"
                return told["result"]

    def _receive(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._socket.recv(timeout=60))
        if "method" in told:
            self._events.append(told)
        return told

    def _until(self, event: str) -> None:
        while not self._of(event):
            self._receive()

    def _of(self, event: str) -> list[dict[str, Any]]:
        return [told for told in self._events if told["method"] == event]


def _address(file: Path, process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Return port and path of the DevTools, which Chromium writes once it listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if file.exists() and len(lines := file.read_text().split()) == 2:
            return lines[0], lines[1]
        assert process.poll() is None, f"Chromium ended with exit code {process.returncode}"
        time.sleep(0.1)
    raise AssertionError("Chromium does not listen")

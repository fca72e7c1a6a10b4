"""Starts a Prefect server that ends with the process that started it, however that one ends.

The server's standard input is a pipe that its parent holds open and never writes to: the system closes it when the
parent is gone, also after kill -9, and a thread of the server that reads it ends the server. It keeps no terminal and
no pipe of the parent open, listens on 127.0.0.1 only and asks for a password.
"""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from warehouse.errors import Refused

HOST = "127.0.0.1"
START_SECONDS = 180.0


class PrefectServer:
    """A Prefect server as a child process: started at once, ready after `wait`, gone with this process."""

    def __init__(self, *, port: int, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = log.open("ab")
        except OSError as error:
            raise Refused(
                f"cannot write {log}: {error.strerror}; NIGHTLEDGER_HOME names the folder"
            ) from error
        with output, socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((HOST, port))
            except OSError as error:
                raise Refused(
                    f"port {port} of {HOST} is taken ({error.strerror}); end the program that listens there, or set "
                    "PREFECT_SERVER_API_PORT to another"
                ) from error
            listening.listen(128)
            self.port = int(listening.getsockname()[1])
            self.address = f"http://{HOST}:{self.port}"
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows._prefect_server", str(listening.fileno())],
                env={
                    **os.environ,
                    "PREFECT__SERVER_FINAL": "1",
                    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": self.address,
                    **environment,
                },
                stdin=subprocess.PIPE, stdout=output, stderr=output,
                pass_fds=[listening.fileno()], start_new_session=True,
            )  # fmt: skip

    def wait(self) -> None:
        """Return when the server answers; refuse, naming its log, when it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while (left := deadline - time.monotonic()) > 0 and self.process.poll() is None:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=left)
            try:
                connection.request("GET", "/api/health")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
            finally:
                connection.close()
        code = self.process.poll()
        ending = "does not answer" if code is None else f"ended with exit code {code}"
        raise Refused(f"the Prefect server {ending}; what it said last is in {self.log}")

    def watch(self, on_death: Callable[[str], None]) -> None:
        """Call back with a line, from a thread, when the server ends before this process does."""

        def wait_for_its_end() -> None:
            code = self.process.wait()
            on_death(f"the Prefect server ended with exit code {code}; what it said last is in {self.log}")

        threading.Thread(target=wait_for_its_end, daemon=True).start()


def own_server(home: Path) -> PrefectServer | None:
    """Start a temporary server for this process and point Prefect to it, before Prefect is imported.

    None where PREFECT_API_URL names a server, or where the caller has imported Prefect, which has chosen one by then.
    """
    if "PREFECT_API_URL" in os.environ or "prefect" in sys.modules:
        return None
    login = f"nightledger:{secrets.token_urlsafe(32)}"
    server = PrefectServer(
        port=0,
        log=home / "logs" / "prefect-server.txt",
        environment={
            "PREFECT_SERVER_API_AUTH_STRING": login,
            "PREFECT_UI_ENABLED": "0",
            "PREFECT__SERVER_EPHEMERAL": "1",
        },
    )
    os.environ.update(PREFECT_API_URL=f"{server.address}/api", PREFECT_API_AUTH_STRING=login)
    return server


def end_with_parent() -> None:
    """End this process when the other end of its standard input is closed."""
    while os.read(0, 64):
        pass
    os._exit(0)


def serve(descriptor: int) -> None:
    """Serve Prefect on a socket that the parent has bound."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    config = uvicorn.Config(create_app(), log_level="error", lifespan="on", timeout_graceful_shutdown=5)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    serve(int(sys.argv[1]))

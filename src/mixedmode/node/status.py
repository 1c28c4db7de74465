"""What a running node says of itself: to ``mixedmode node status`` over a socket file, to Prometheus over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mixedmode.causes import cannot_listen, file_error
from mixedmode.cluster.model.errors import PrivilegeError
from mixedmode.errors import MixedModeError, RemoteError, UsageError
from mixedmode.json_reader import read_json

if TYPE_CHECKING:
    from mixedmode.services.net.supervisor import Supervisor

SOCKET_NAME: Final = "node.sock"
_LIMIT: Final = 64 << 20
_REQUEST_LIMIT: Final = 1 << 20
_SECONDS: Final = 5.0
"""For a question to come, and for an answer to be taken."""
COMMAND_SECONDS: Final = 60.0
"""For what a command does, such as starting phones."""
_ADDRESS_BYTES: Final = 108
"""Of a UNIX socket's address, with the NUL at its end."""

Describe = Callable[[], dict[str, Any]]
Command = Callable[[int, dict[str, Any]], dict[str, Any] | Awaitable[dict[str, Any]]]
"""Answers a question: the number of the user who asks, as the kernel says, and the question."""


class StatusSocket:
    """Answers each connection to a socket file: one line of JSON each way.

    Args:
        path: The socket file; only the service's user may connect.
        describe: Answers ``{"ask": "status"}``; may block.
        commands: Answer other questions, by their word; run in the event loop.
    """

    def __init__(self, path: Path, describe: Describe, commands: Mapping[str, Command] | None = None) -> None:
        self._path = path
        self._describe = describe
        self._commands = commands or {}
        self._server: asyncio.Server | None = None
        self._name = contextlib.ExitStack()

    async def start(self) -> None:
        """Listen.

        Raises:
            UsageError: A node runs already in this directory.
        """
        if self._path.exists():
            if await asyncio.to_thread(answers, self._path):
                raise UsageError(
                    "a node runs already in this directory", where=str(self._path), next_step="stop it first"
                )
            self._path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listener.bind(self._name.enter_context(_short(self._path)))
            self._path.chmod(0o600)
            self._server = await asyncio.start_unix_server(self._answer, sock=listener, limit=_REQUEST_LIMIT)
        except OSError as error:
            listener.close()
            raise UsageError(
                f"the socket for this host's commands cannot be made: {error.strerror}",
                where=str(self._path),
                next_step="choose a folder on a local file system that this user may write to",
            ) from error

    async def stop(self) -> None:
        """Close, and remove the socket file."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._path.unlink(missing_ok=True)
        self._name.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError, RecursionError):
            async with asyncio.timeout(_SECONDS):
                request = read_json(await reader.readline())
            async with asyncio.timeout(COMMAND_SECONDS):
                answer = await self._of(_user_of(writer), request)
            async with asyncio.timeout(_SECONDS):
                writer.write(json.dumps(answer).encode())
                await writer.drain()
        writer.close()

    async def _of(self, user: int, request: Any) -> dict[str, Any]:
        word = request.get("ask") if isinstance(request, dict) else None
        if word == "status":
            return await asyncio.to_thread(self._describe)
        command = self._commands.get(str(word))
        if command is None:
            return {"error": f"{word!r} is nothing that can be asked here"}
        try:
            answer = command(user, request)
            return await answer if isinstance(answer, Awaitable) else answer
        except MixedModeError as error:
            return {"error": str(error), "code": error.code}


def ask_status(path: Path, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a running node says.

    Args:
        path: Its socket file.
        request: What to ask; its status by default.

    Raises:
        RemoteError: No node runs there, it does not answer, or it cannot do what is asked.
        PrivilegeError: Who asks may not.
    """
    received = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock, _short(path) as name:
            sock.settimeout(_SECONDS if request is None else _SECONDS + COMMAND_SECONDS)
            sock.connect(name)
            sock.sendall(json.dumps(dict(request or {"ask": "status"})).encode() + b"\n")
            while chunk := sock.recv(65536):
                received += chunk
                if len(received) > _LIMIT:
                    break
        document = read_json(received)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        raise NoNodeError(
            "no node runs here",
            where=str(path),
            next_step="start it: mixedmode node run, or systemctl start mixedmode",
        ) from error
    except PermissionError as error:
        raise RemoteError(
            "this user may not talk to the node", where=str(path), next_step="run this as the user that the node has"
        ) from error
    except (OSError, ValueError) as error:
        why = file_error(error).what if isinstance(error, OSError) else str(error)
        raise RemoteError(
            "the node does not answer", where=str(path), why=why, next_step="see the node's log"
        ) from error
    if not isinstance(document, dict) or "error" in document:
        if isinstance(document, dict) and document.get("code") == PrivilegeError.default_code:
            raise PrivilegeError(str(document["error"]), next_step="ask somebody whose account has that level")
        problem = document.get("error") if isinstance(document, dict) else document
        raise RemoteError(f"the node cannot do that: {problem}", where=str(path))
    return document


def _user_of(writer: asyncio.StreamWriter) -> int:
    """Return the number of the user at the other end of a socket file, as the kernel says."""
    found = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", found)[1])


class NoNodeError(RemoteError):
    """No node runs in a directory."""


def answers(path: Path) -> bool:
    """Return whether a node runs in the directory of a socket file: one that this user cannot reach counts too."""
    try:
        ask_status(path)
    except NoNodeError:
        return False
    except RemoteError:
        return True
    return True


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name of a socket file that fits into a socket's address, however deep its folder is."""
    if len(os.fsencode(path)) < _ADDRESS_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class SupervisorCollector:
    """The units of a node, and what their services count, for ``prometheus_client``.

    Args:
        supervisor: Of the node.
        node: The node's name.
    """

    def __init__(self, supervisor: Supervisor, node: str) -> None:
        self._supervisor = supervisor
        self._node = node

    def collect(self) -> Iterator[Any]:
        """Yield the metrics."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        labels = ["node", "unit"]
        up = GaugeMetricFamily("mixedmode_unit_up", "Whether a unit runs", labels=labels)
        starts = CounterMetricFamily("mixedmode_unit_starts", "Starts of a unit", labels=labels)
        failures = CounterMetricFamily("mixedmode_unit_failures", "Failed starts and deaths of a unit", labels=labels)
        events = CounterMetricFamily("mixedmode_events", "What a service counts", labels=[*labels, "event"])
        for status in self._supervisor:
            where = [self._node, status.name]
            up.add_metric(where, float(status.state == "STARTED"))
            starts.add_metric(where, status.starts)
            failures.add_metric(where, status.failures)
            for event, count in self._counted(status.name):
                events.add_metric([*where, event], count)
        yield from (up, starts, failures, events)

    def _counted(self, name: str) -> Iterable[tuple[str, float]]:
        service = self._supervisor.service(name)
        return () if service is None else sorted((event, float(count)) for event, count in service.metrics.items())


def serve_metrics(collector: SupervisorCollector, address: str, port: int) -> Callable[[], None]:
    """Serve the metrics over HTTP in a thread; return what stops that.

    Raises:
        RemoteError: The port cannot be had.
    """
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.gc_collector import GCCollector
    from prometheus_client.process_collector import ProcessCollector

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(collector)
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        raise cannot_listen("the metrics page (metrics.port)", address, port, error) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(_SECONDS)

    return stop

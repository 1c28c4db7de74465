"""``/metrics`` for a Prometheus that comes by. GET alone; nothing of a request is kept or answered back."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from mixedmode.audit.watching.metrics import CONTENT_TYPE
from mixedmode.errors import UsageError

_SECONDS: Final = 10.0
_TOGETHER: Final = 8


class Exporter:
    """Serves the last metrics until it is closed.

    Args:
        host: To listen on.
        port: To listen on; 0 chooses a free one.

    Raises:
        UsageError: The address cannot be listened on.
    """

    def __init__(self, host: str, port: int) -> None:
        self.text = ""
        exporter, places = self, threading.BoundedSemaphore(_TOGETHER)

        class Handler(BaseHTTPRequestHandler):
            timeout = _SECONDS
            server_version, sys_version = "mixedmode", ""

            def do_GET(self) -> None:
                found = self.path.partition("?")[0] == "/metrics"
                body = exporter.text.encode("utf-8", "backslashreplace") if found else b"metrics are at /metrics\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", CONTENT_TYPE if found else "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def process_request(
                self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
            ) -> None:
                if places.acquire(blocking=False):
                    super().process_request(request, client_address)
                else:
                    self.shutdown_request(request)

            def process_request_thread(
                self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
            ) -> None:
                try:
                    super().process_request_thread(request, client_address)
                finally:
                    places.release()

            def handle_error(self, *_: object) -> None:
                pass

        try:
            self._server = Server((host, port), Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(
                "the address cannot be listened on",
                where=f"{host}:{port}",
                why=getattr(error, "strerror", None) or str(error),
                next_step="name an address of this machine and a port that is free",
            ) from error
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, text: str) -> None:
        """Serve a text from now on."""
        self.text = text

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

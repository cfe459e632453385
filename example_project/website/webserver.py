"""Django's development web server, with static files, in a thread of this process."""

from __future__ import annotations

import threading

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


class WebServer:
    """Listens from the moment it is made, so that a port in use is an OSError right there."""

    def __init__(self, host: str, port: int) -> None:
        self._server = ThreadedWSGIServer((host, port), WSGIRequestHandler)
        self._server.set_app(StaticFilesHandler(get_wsgi_application()))
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},  # seconds; how long stopping may take
            name="web server",
        )
        self.port: int = self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

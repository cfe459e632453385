"""A proxy that makes a server on this machine as far away as one elsewhere.

    python tests/benchmarks/delay.py --rtt MILLISECONDS --to PORT

Every chunk is handed on half a round trip after it came, whatever else is on its way:
time is added, throughput is not limited. Prints its port, ends when its standard input
does.
"""

from __future__ import annotations

import argparse
import contextlib
import queue
import socket
import sys
import threading
import time

__all__: list[str] = []

_CHUNK = 1 << 18  # bytes of one read
_SWITCH = 0.0005  # seconds; Python's default, 5 ms, is as much as what is added
_HANDSHAKE = 1.5  # round trips until a server sees a connection: SYN, SYN-ACK, ACK

Waiting = queue.SimpleQueue[tuple[float, bytes]]


def take(source: socket.socket, waiting: Waiting, delay: float) -> None:
    """Note when each chunk is due; an empty one is the end, and is as late as any."""
    data = b"more"
    while data:
        try:
            data = source.recv(_CHUNK)
        except OSError:
            data = b""
        waiting.put((time.perf_counter() + delay, data))


def give(waiting: Waiting, target: socket.socket) -> None:
    """Hand each chunk on when it is due, in order."""
    with contextlib.suppress(OSError):
        while True:
            due, data = waiting.get()
            if (left := due - time.perf_counter()) > 0:
                time.sleep(left)
            if not data:
                break
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def connect(client: socket.socket, port: int, rtt: float) -> None:
    """Join a client to a connection of its own, as late as a handshake would let it."""
    with client, contextlib.suppress(OSError):
        time.sleep(_HANDSHAKE * rtt)
        with socket.create_connection(("127.0.0.1", port)) as server:
            threads = []
            for source, target in ((client, server), (server, client)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                waiting: Waiting = queue.SimpleQueue()
                threads += [
                    threading.Thread(
                        target=take, args=(source, waiting, rtt / 2), daemon=True
                    ),
                    threading.Thread(target=give, args=(waiting, target), daemon=True),
                ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()


def accept(listener: socket.socket, port: int, rtt: float) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=connect, args=(client, port, rtt), daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rtt", type=float, required=True, help="milliseconds")
    parser.add_argument("--to", type=int, required=True, help="port of the server")
    arguments = parser.parse_args()
    sys.setswitchinterval(_SWITCH)
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        print(listener.getsockname()[1], flush=True)
        threading.Thread(
            target=accept,
            args=(listener, arguments.to, arguments.rtt / 1000),
            daemon=True,
        ).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()

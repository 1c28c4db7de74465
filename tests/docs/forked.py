"""The ``mixedmode`` command without its start-up time: a process that has all modules forks one for each call.

A page's hundred commands would spend most of their time importing the same modules. The stand-in hands folder,
environment, arguments and the three standard files over a socket; the fork runs the command's own ``main`` with them.
Started as ``python -m tests.docs.forked SOCKET``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

STAND_IN = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as link:
    link.connect({path!r})
    call = json.dumps([os.getcwd(), dict(os.environ), sys.argv]).encode()
    socket.send_fds(link, [len(call).to_bytes(4, "big")], [0, 1, 2])
    link.sendall(call)
    code = link.recv(1)
sys.exit(code[0] if code else 255)
"""
"""The text of the command that is put on the reader's PATH."""


def stand_in(path: Path) -> str:
    return STAND_IN.format(python=sys.executable, path=str(path))


def serve(path: str) -> None:
    """Answer calls until SIGTERM."""
    from mixedmode.app import tree  # noqa: F401

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            link, _ = server.accept()
            if os.fork() == 0:
                server.close()
                answer(link)
            link.close()


def answer(link: socket.socket) -> None:
    """Be the command of one call; never returns."""
    from mixedmode.app.main import main

    code = 255
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        size, files, _, _ = socket.recv_fds(link, 4, 3)
        with link.makefile("rb") as call:
            folder, environment, sys.argv = json.loads(call.read(int.from_bytes(size, "big")))
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the fork must not go on as the server
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        link.sendall(bytes([code]))
        os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])

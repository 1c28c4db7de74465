"""The servers that benches compare: unpacked from their Debian packages, started on a core of their own."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mixedmode.errors import RemoteError, UsageError


@dataclass(frozen=True, slots=True)
class Contender:
    """A server to measure.

    Attributes:
        name: For the table.
        port: Where it listens.
        command: How it is started.
        cores: Where it runs, as taskset writes them.
    """

    name: str
    port: int
    command: tuple[str, ...]
    cores: str = "0"


def unpacked(folder: Path, package: str, program: str) -> tuple[str, ...] | None:
    """Return how to start a program of a Debian package, unpacked with its library if it is not installed."""
    installed = shutil.which(Path(program).name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if installed:
        return (installed,)
    place = folder / package
    place.mkdir()
    subprocess.run(["apt-get", "download", "-qq", package, "libwrap0"], cwd=place, check=False, capture_output=True)
    for archive in place.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, place], check=True)
    found = place / program
    libraries = ":".join(str(path) for path in place.glob("usr/lib/*-linux-gnu"))
    return ("env", f"LD_LIBRARY_PATH={libraries}", str(found)) if found.exists() else None


@contextmanager
def running(contender: Contender) -> Iterator[int]:
    """Run a server on its cores; give its process."""
    command = ["taskset", "-c", contender.cores, *contender.command]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(1.2)
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def all_files() -> int:
    """Let this process, and those that it starts, open as many files as the system lets it; return how many."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def alone_on_ctrl_c() -> None:
    """Leave Ctrl-C to the process that started this one, which ends with its input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def wait_for(port: int, seconds: float = 30.0) -> None:
    """Wait until somebody listens on a TCP port of 127.0.0.1.

    Raises:
        RemoteError: Nobody does.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise RemoteError("a server of this bench does not start", where=f"127.0.0.1:{port}")


def processor_seconds(pid: int) -> dict[int, float]:
    """Return the processor time that a process and its children have spent, by process."""
    found, waiting = {}, [pid]
    while waiting:
        each = waiting.pop()
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        found[each] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        waiting += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
    return found


def spent(pid: int) -> float:
    """Return the seconds of processor time that a process and its children have spent."""
    return sum(processor_seconds(pid).values())


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


def compiled(folder: Path, name: str, *libraries: str) -> Path:
    """Compile ``bench/NAME.c``; return the program.

    Raises:
        UsageError: There is no compiler, or no header of a library.
    """
    program = folder / name
    source = Path(__file__).with_name(f"{name}.c")
    try:
        subprocess.run(["gcc", "-O2", "-o", program, source, *libraries], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise UsageError(
            f"bench/{name}.c, which makes the load, cannot be compiled",
            why=said[0] if said else "",
            next_step="install gcc and libc6-dev" + (", and libssl-dev for TLS" if "-lssl" in libraries else ""),
        ) from error
    return program


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of 127.0.0.1 that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

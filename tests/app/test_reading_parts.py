"""The reading commands where only the reading parts are: without extras, and without what only Unix has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixedmode.app.parts import EXTRAS, UNIX
from tests.app.test_parts import MOST_PACKAGES, PROJECT, SEED, WITHOUT, distribution

BLOCKED = set(EXTRAS) | set(UNIX) | {"syslog", "pty", "crypt", "nis", "spwd", "posix_ipc"}
"""All at once: what Windows lacks, and what nobody asked pip for."""
NOT_ON_WINDOWS = """
import os, signal, socket
for module, names in (
    (os, "fchmod O_DIRECTORY getuid geteuid getgid getpgid killpg mkfifo uname sysconf statvfs sched_getaffinity"),
    (signal, "SIGHUP SIGPIPE SIGUSR1 SIGUSR2 SIGALRM SIGQUIT SIGCHLD SIGKILL SIGTSTP pthread_sigmask setitimer"),
    (socket, "AF_UNIX SO_REUSEPORT"),
):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
"""
CLUSTER = """
[[node]]
name = "pub"
address = "127.0.0.1"
role = "publisher"
ports = { tftp = 9, http = 9, https = 9, web = 9, tvs = 9, capf = 9, sccp_tls = 9, sip_tls = 9, ctl_provider = 9 }
"""
INVENTORY = "name,model,ctl,itl\nSEP00005E005301,7975,none,none\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reading")
    (path / "CLUSTER.toml").write_text(CLUSTER)
    (path / "phones.csv").write_text(INVENTORY)
    (path / "console.log").write_text("SECUREAPP-updateFromFile: TL parse to table: CTL_SUCCESS\n")
    return path


@pytest.mark.parametrize(
    ("words", "codes", "says"),
    [
        (("show", SEED), {0}, "4947"),
        (("verify", SEED), {0}, ""),
        (("diff", SEED, SEED), {0}, ""),
        (("explain", "{}/console.log"), {0, 1}, ""),
        (("calendar", SEED), {0, 1}, ""),
        (("forecast", "--inventory", "{}/phones.csv", "--publish", SEED), {0, 1}, "follow"),
        (("audit", "--cluster", "{}/CLUSTER.toml"), {0, 1, 3}, ""),
        (("inventory", "collect", "--cluster", "{}/CLUSTER.toml", "--output", "{}/o.json"), {3}, "no node answered"),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
def test_reading_commands(words: tuple[str | Path, ...], codes: set[int], says: str, folder: Path) -> None:
    code = NOT_ON_WINDOWS + WITHOUT.format(blocked=BLOCKED)
    typed = [str(each).replace("{}", str(folder)) for each in words]
    done = subprocess.run(
        [sys.executable, "-c", code, *typed], capture_output=True, text=True, timeout=100, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "missing-part" not in done.stderr
    assert "which is not installed" not in done.stderr, done.stderr
    assert "Unix systems only" not in done.stderr, done.stderr
    assert done.returncode in codes, (done.returncode, done.stderr)
    assert says in done.stdout + done.stderr


def test_uvloop_is_only_wanted_where_it_exists() -> None:
    requirements = [each for listed in PROJECT["optional-dependencies"].values() for each in listed]
    (uvloop,) = (each for each in requirements if distribution(each) == "uvloop")
    assert "win32" in uvloop
    assert all(distribution(each) != "uvloop" for each in PROJECT["dependencies"])


def test_classifiers_name_the_systems() -> None:
    systems = {each.split(" :: ", 1)[1] for each in PROJECT["classifiers"] if each.startswith("Operating System")}
    assert {"POSIX :: Linux", "Microsoft :: Windows", "MacOS"} <= systems


@pytest.mark.skipif("MIXEDMODE_REGISTRY" not in os.environ, reason="asks the package registry: MIXEDMODE_REGISTRY=1")
@pytest.mark.parametrize("platform", ["win_amd64", "macosx_11_0_arm64", "macosx_10_13_x86_64"])
def test_every_package_has_a_wheel(platform: str, tmp_path: Path) -> None:
    words = ["install", "--dry-run", "--quiet", "--ignore-installed", "--only-binary=:all:", "--platform", platform]
    more = ["--python-version", "3.12", "--target", str(tmp_path), "--report", "-", *PROJECT["dependencies"]]
    done = subprocess.run([sys.executable, "-m", "pip", *words, *more], capture_output=True, timeout=110, check=True)
    assert len(json.loads(done.stdout)["install"]) + 1 <= MOST_PACKAGES

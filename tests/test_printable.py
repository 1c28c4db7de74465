"""No stranger's text reaches a terminal or a log raw: pushed through every name that a stranger sets, at every face."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import io
import json
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.app import completion
from mixedmode.app import main as main_module
from mixedmode.app.tree import app
from mixedmode.articles import with_article
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import json_text
from mixedmode.faces.terminal.table import table
from mixedmode.faces.terminal.terminal_io import TerminalIO
from mixedmode.node.host.logs import set_up_logs
from mixedmode.phone.mind.models import MODELS
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.printable import PrintableStream, one_line, printable, printable_block
from tests.support import DATA

EVIL = "\x1b[31m\x1b]0;own\x07\x9b1m\u202e\u200b\u2028\x7f\r\nerror: forged[red][link=http://e]x[/link]\udcff"
SOURCE = Path(__file__).parents[1] / "src" / "mixedmode"


def safe(text: str) -> str:
    """Assert that a text can be shown, and return it."""
    raw = sorted({each for each in text if not each.isprintable() and each not in "\n\t"})
    assert raw == [], (raw, text)
    assert "\nerror: forged" not in text
    return text


class Command:
    """Runs the command line in this process and checks whatever it prints."""

    def __init__(self, capture: pytest.CaptureFixture[bytes], patch: pytest.MonkeyPatch) -> None:
        self._capture, self._patch = capture, patch

    def __call__(self, *words: object, code: int | None = None) -> str:
        self._patch.setattr(sys, "argv", ["mixedmode", *map(str, words)])
        self._patch.setattr("mixedmode.faces.terminal.console._documents", 0)
        self._capture.readouterr()
        handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
        try:
            with pytest.raises(SystemExit) as ended:
                main_module.main()
        finally:
            signal.signal(signal.SIGINT, handler)
            sys.unraisablehook = hook
        printed = self._capture.readouterr()
        out, err = safe(printed.out.decode()), safe(printed.err.decode())
        if "--json" in words and out:
            json.loads(out)
        if code is not None:
            assert (ended.value.code or 0) == code, err
        return out + err


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Command:
    # Its own streams, as a process has them: pytest's take no bytes that are no UTF-8.
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding="utf-8", write_through=True)
        monkeypatch.setattr(sys, name, stream)
    return Command(capfdbinary, monkeypatch)


# What makes text printable.


@given(st.text(st.characters()))
def test_what_comes_out_is_printable_and_stays_so(text: str) -> None:
    once = printable(text)
    assert once.isprintable()
    assert printable(once) == once
    assert one_line(text).isprintable()
    assert printable_block(text).replace("\n", "").replace("\t", "").isprintable()
    if text.isprintable():
        assert once == one_line(text) == printable_block(text) == text


def test_each_kind_is_shown_by_its_number() -> None:
    assert printable("\x1b\x9b\u202e\U000e0001\n\udcff") == r"\x1b\x9b\u202e\U000e0001\n\udcff"
    assert printable("Zürich 東京 [red]") == "Zürich 東京 [red]"
    assert one_line("no connection\n  Is the server running?\r\n") == "no connection Is the server running?"


@given(st.lists(st.text(st.sampled_from("a\r\n\x1b\t"), max_size=4), max_size=6))
def test_a_stream_in_pieces_is_the_stream(pieces: list[str]) -> None:
    stream = PrintableStream()
    shown = "".join(map(stream.feed, pieces)) + stream.end()
    assert shown == printable_block("".join(pieces).replace("\r\n", "\n"))


def test_no_module_prints_past_the_sinks() -> None:
    sinks = {"query_worker.py", "console.py", "terminal_io.py", "terminal.py", "ssh.py"}
    raw = re.compile(r"(?<![\w.])print\(|typer\.(?:echo|secho)\(|sys\.(?:stdout|stderr)\.(?:buffer\.)?write\(")
    found = [
        f"{path.name}: {line.strip()}"
        for path in SOURCE.rglob("*.py")
        if path.name not in sinks
        for line in path.read_text().splitlines()
        if raw.search(line) and "__version__" not in line and "for at, name in" not in line
        if "{printable(" not in line
    ]
    assert found == []


# The command line.


def evil_list(folder: Path) -> Path:
    """A list whose names and file name a stranger chose, as long as they were."""
    data = (DATA / "cucm" / "tokenless-4947.tlv").read_bytes()
    name = b"\x1b[31m\x9b1m\n\xe2\x80\xae[red]"[:15]
    assert len(name) == len(b"cucm-1051-a-pub")
    path = folder / os.fsdecode(b"evil\x1b[31m\n\x9b.tlv")
    path.write_bytes(data.replace(b"cucm-1051-a-pub", name).replace(b"Krakow", b"\x1b]0;\x07\n"))
    return path


def test_a_list_of_a_stranger(command: Command, tmp_path: Path) -> None:
    path = evil_list(tmp_path)
    for words in (["show", path], ["show", path, "--json"], ["verify", path], ["verify", path, "--json"]):
        assert command(*words)
    other = DATA / "cucm" / "tokenless-4947.tlv"
    command("diff", path, other)
    command("diff", path, other, "--json")
    command("extract", path, tmp_path / "out\x1b[31m")
    command("tvs", "query", path, "--server", "127.0.0.1:1")
    command("open-config", path, "--trust", path)
    command("sign-config", path, "--signer", path)
    command("build", tmp_path / "new\x9b.tlv", "--signer", path, "--record", f"SAST={path},dns={EVIL[:8]}")


def test_names_of_files_and_words_of_the_command_line(command: Command, tmp_path: Path) -> None:
    evil = EVIL.replace("/", "|")
    missing = tmp_path / evil
    for words in (
        ["show", missing], ["verify", missing, "--json"], ["device", "import", missing, "--directory", missing],
        ["lab", "--directory", "/dev/null/" + evil, "--once"], ["phones", "list", "--directory", missing],
        ["admin", "--directory", missing, evil], ["admin", evil], ["fleet", "boot", missing],
        ["rehearse", evil], ["token", "list", "--tokens", missing], ["token", "export", evil, "--tokens", missing],
        ["ctl-client", "--directory", missing], ["node", "status", "--config", missing], [evil], ["show", "x", evil],
        ["lab", "--nodes", evil], ["lab", f"--{evil}"], ["phone", "--server", "127.0.0.1", "--name", evil],
        ["phone", "--server", "127.0.0.1", "--model", evil], ["show", f"tftp://127.0.0.1:{evil}/x"],
        ["show", f"http://{evil}/x"], ["phones", "show", evil, "--config", missing],
    ):  # fmt: skip
        command(*words)


@contextlib.contextmanager
def evil_tftp() -> Iterator[int]:
    """A TFTP server that refuses everything with a stranger's words."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while request := sock.recvfrom(2048):
                    if request[0] == b"end":
                        return
                    words = EVIL.encode("utf-8", "surrogateescape")
                    sock.sendto(b"\0\5\0\0" + words + b"\0", request[1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        sock.sendto(b"end", sock.getsockname())
        thread.join()


class EvilPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.wfile.write(b"HTTP/1.0 500 \x1b[31m\x9b\x07 forged\r\nX: \x1b\r\n\r\n\x1b]0;x\x07")

    def log_message(self, *_: object) -> None:
        pass


def test_servers_of_strangers(command: Command) -> None:
    with evil_tftp() as port:
        url = f"tftp://127.0.0.1:{port}/CTLFile.tlv"
        for words in (["show", url], ["show", url, "--json"], ["tftp", "get", url, "--output", "-"]):
            assert command(*words, code=3)
        phone = ["phone", "--server", "127.0.0.1", "--tftp-port", str(port), "--http-port", "0"]
        assert "forged" in command(*phone, "--trace")
        command(*phone, "--json")
        command("fleet", "boot", "--server", f"127.0.0.1:{port}", "--phones", "1")
    page = http.server.HTTPServer(("127.0.0.1", 0), EvilPage)
    thread = threading.Thread(target=page.serve_forever)
    thread.start()
    assert command("show", f"http://127.0.0.1:{page.server_port}/x", code=3)
    page.shutdown()
    thread.join()
    page.server_close()


def test_a_csv_file_of_a_stranger(command: Command, tmp_path: Path) -> None:
    spec = ClusterSpec(Version.parse("10.5.1.10000-7"), (NodeSpec("pub", "127.0.0.1"),), rsa_key=KeyKind.RSA_1024)
    Cluster.create(tmp_path / "lab", spec).close()
    text = EVIL.replace("\r\n", "").replace("\u2028", "").replace("\udcff", "")
    rows = {
        "columns": f"name,{text}\nSEP001122334455,x\n",
        "name": f"name,model\n{text},7975\n",
        "model": f"name,model\nSEP001122334455,{text}\n",
        "pool": f"name,model,device_pool\nSEP001122334456,7975,{text}\n",
        "protocol": f"name,model,protocol\nSEP001122334457,7975,{text}\n",
        "mode": f"name,model,security_mode\nSEP001122334458,7975,{text}\n",
        "description": f"name,model,description\nSEP001122334459,7975,{text}\n",
    }
    lab = ["--directory", tmp_path / "lab"]
    for name, row in rows.items():
        (tmp_path / name).write_text(row)
        command("device", "import", tmp_path / name, *lab)
    command("device", "add", "SEP00112233445A", "--description", text, "--device-pool", text, *lab)
    assert "SEP001122334459" in command("device", "list", *lab, code=0)
    command("device", "list", "--json", *lab, code=0)


def test_names_that_the_shell_completes(tmp_path: Path) -> None:
    phones = [{"name": EVIL}, {"name": "SEP001122334455"}, {"name": 'SEP";rm -rf'}]
    (tmp_path / "lab.json").write_text(json.dumps({"nodes": [], "phones": phones}))
    context = typer.Context(typer.main.get_command(app), info_name="mixedmode")
    context.params["directory"] = tmp_path
    assert completion.phones(context, "") == ["SEP001122334455"]


def test_json_stays_json_and_keeps_letters() -> None:
    text = json_text({"name": EVIL, EVIL: ["Zürich", "東京", 1.5, None]})
    assert json.loads(text) == {"name": EVIL, EVIL: ["Zürich", "東京", 1.5, None]}
    assert "Zürich" in safe(text)


def test_a_table_keeps_its_columns() -> None:
    lines = table(["name", "x"], [[EVIL, "1"], ["plain [red]", "2"]])
    assert len({line.rindex(each) for line, each in zip(lines[2:], "12", strict=True)}) == 1
    assert all(line.isprintable() for line in lines)


def test_an_error_is_as_many_lines_as_it_has_parts() -> None:
    error = UsageError(EVIL, where=EVIL, why=EVIL, next_step=EVIL)
    assert len(safe(error.diagnostics()).splitlines()) == 3


# The prompt, the wizards, the logs.


def test_the_wizards_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    asyncio.run(TerminalIO().write(EVIL))
    asyncio.run(TerminalIO().ask(EVIL))
    assert safe(capsys.readouterr().out).count("\n") == 1


@pytest.mark.parametrize("as_json", [False, True])
def test_the_log(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    import structlog

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        set_up_logs(level="info", as_json=as_json)
        structlog.get_logger("x").info(EVIL, user=EVIL, path=Path("/" + EVIL), names=[EVIL], **{"k\x1b": 1})
        logging.getLogger("library").warning("from %s", EVIL)
        structlog.get_logger("x").error(EVIL, exc_info=ValueError(EVIL))
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    lines = safe(capsys.readouterr().err).splitlines()
    assert all(not line.startswith(("error: forged", "forged")) for line in lines)
    if as_json:
        assert len([json.loads(line) for line in lines]) == 3


class EvilNode(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


async def _with_evil_node(use: Callable[[int, Path], None], folder: Path) -> None:
    async def answer(process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write(f"first\r\n{EVIL[:-1]}\n")
        process.stderr.write(EVIL[:-1])
        process.exit(4)

    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(EvilNode, "127.0.0.1", 0, server_host_keys=[key], process_factory=answer)
    port = server.get_port()
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}\n")
    try:
        await asyncio.to_thread(use, port, known)
    finally:
        server.close()
        await server.wait_closed()


def test_what_a_node_of_a_stranger_prints(tmp_path: Path) -> None:
    from tests.support import run_mixedmode

    def use(port: int, known: Path) -> None:
        (tmp_path / "password").write_text("x\n")
        options = ["--known-hosts", str(known), "--password-file", str(tmp_path / "password")]
        done = run_mixedmode("admin", *options, f"127.0.0.1:{port}", "show", "ctl")
        assert done.returncode == 4, done.stderr
        assert done.stdout.startswith("first\n")
        for text in (done.stdout, done.stderr):
            assert all(each.isprintable() or each in "\n\t" for each in text), text
            assert r"\x1b[31m" in text

    asyncio.run(_with_evil_node(use, tmp_path))


AN = (
    "8861", "8865", "8811", "8841", "8851", "8831", "8832", "8845", "8821", "8941", "88xx", "8800", "8", "11", "18",
    "1140", "1861", "11000", "ITL", "LSC", "SSH login", "SPA8800", "ATA 191", "IP Communicator", "H.323 Phone", "E20",
    "Analog Phone", "EC P-256", "RSA 2048", "ITLRecovery", "ipsec", "eToken",
)  # fmt: skip
A = (
    "7975", "7940", "7821", "6921", "9971", "12 SP+", "180", "118", "1", "CTL", "TVS", "CP-8861", "SIP Station", "MIC",
    "SAST", "SHA-1", "Unified Personal Communicator", "Universal Device Template", "Usage Profile", "USB token", "DX80",
    "CallManager", "tomcat", "Cius", "Room Kit", "Nokia S60", "Motorola CN622",
)  # fmt: skip


@pytest.mark.parametrize("name", AN)
def test_an(name: str) -> None:
    assert with_article(name) == f"an {name}"


@pytest.mark.parametrize("name", A)
def test_a(name: str) -> None:
    assert with_article(name) == f"a {name}"


def test_every_model_and_no_name_at_all() -> None:
    wrong = [name for name in MODELS if name[0] == "8" and not with_article(name).startswith("an 8")]
    assert wrong == []
    assert with_article("") == "a "

"""Certificate authorities made and used with the ``openssl`` program, as an administrator's own would be."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

Word = str | Path
PAST = """\
[ca]
default_ca = here
[here]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
certificate = {folder}/{name}.crt
private_key = {folder}/{name}.key
default_md = sha256
copy_extensions = copyall
policy = any
[any]
commonName = supplied
"""
"""Settings of ``openssl ca``."""


def openssl(*arguments: Word, stdin: str = "") -> str:
    """Run ``openssl``; return what it says on both outputs."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@dataclass(frozen=True)
class OpenSslAuthority:
    """An authority: a key and a certificate in a folder."""

    folder: Path
    name: str

    @property
    def pem(self) -> str:
        return (self.folder / f"{self.name}.crt").read_text()

    @classmethod
    def make(cls, folder: Path, name: str, *, above: OpenSslAuthority | None = None) -> OpenSslAuthority:
        key, out = folder / f"{name}.key", folder / f"{name}.crt"
        made: list[Word] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key]
        extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
        issuer: list[Word] = []
        if above is not None:
            issuer = ["-CA", folder / f"{above.name}.crt", "-CAkey", folder / f"{above.name}.key"]
        openssl("req", "-x509", *made, "-subj", f"/CN={name}", "-days", "30", *extensions, *issuer, "-out", out)
        return cls(folder, name)

    def sign(self, request: str, *, copy: bool = True) -> str:
        """Return a certificate for a PKCS#10 request, as PEM text."""
        asked = self.folder / "asked.csr"
        asked.write_text(request)
        authority: list[Word] = ["-CA", self.folder / f"{self.name}.crt", "-CAkey", self.folder / f"{self.name}.key"]
        copied = ["-copy_extensions", "copyall"] if copy else []
        done = self.folder / "done.crt"
        openssl("x509", "-req", "-in", asked, *authority, "-days", "20", *copied, "-out", done)
        return done.read_text()

    def sign_for_the_past(self, request: str) -> str:
        """Return a certificate that is expired; only ``openssl ca`` takes an end before today in every release."""
        (self.folder / "asked.csr").write_text(request)
        (self.folder / "index.txt").write_text("")
        (self.folder / "ca.cnf").write_text(PAST.format(folder=self.folder, name=self.name))
        dates = ["-startdate", "20240101000000Z", "-enddate", "20250101000000Z"]
        asked, done = self.folder / "asked.csr", self.folder / "done.crt"
        openssl("ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", *dates, "-in", asked, "-out", done)
        return done.read_text()

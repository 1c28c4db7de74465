"""Certificate authorities made and used with the ``openssl`` program, as an administrator's own would be."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

Word = str | Path


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

    def sign(self, request: str, *, copy: bool = True, days: int = 20) -> str:
        """Return a certificate for a PKCS#10 request, as PEM text."""
        asked = self.folder / "asked.csr"
        asked.write_text(request)
        authority: list[Word] = ["-CA", self.folder / f"{self.name}.crt", "-CAkey", self.folder / f"{self.name}.key"]
        copied = ["-copy_extensions", "copyall"] if copy else []
        done = self.folder / "done.crt"
        openssl("x509", "-req", "-in", asked, *authority, "-days", str(days), *copied, "-out", done)
        return done.read_text()

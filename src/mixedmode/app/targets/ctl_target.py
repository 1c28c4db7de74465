"""Which CTL Provider the CTL Client talks to: a lab's, found in its ``lab.json``, or any host's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixedmode.app.targets.admin_target import DEFAULT_USER
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.secret_files import ask_secret, read_secret
from mixedmode.numbers import whole_number
from mixedmode.rehearsal.lab.document import DEFAULT_DIRECTORY, administrator, lab_is_down, read_lab

if TYPE_CHECKING:
    from mixedmode.faces.ctlclient.provider import ProviderClient, TrustCheck

STANDARD_PORT = 2444


@dataclass(frozen=True, slots=True)
class ProviderTarget:
    """Where to log in.

    Attributes:
        password_file: A file whose first line is the password; None asks.
        cacert: What the provider must show; None recognises it as ssh does.
        lab: The lab's folder, None for any other host.
    """

    host: str
    port: int
    user: str
    password_file: Path | None
    cacert: Path | None
    lab: Path | None

    def password(self) -> str:
        """Return the administrator's password.

        Raises:
            UsageError: Nobody can be asked.
        """
        if self.password_file is not None:
            return read_secret(self.password_file)
        return ask_secret(
            f"Password of {self.user}@{self.host}: ",
            missing="the administrator's password is not given",
            next_step="use --password-file",
        )

    def client(self, *, accepted: str | None = None, wizard: bool = True) -> ProviderClient:
        """Return a client, not connected yet.

        Args:
            accepted: The SHA-256 that the provider must show.
            wizard: Whether somebody answers questions, also through a pipe; a script is asked on a terminal only.

        Raises:
            UsageError: The fingerprint is none, or does not go with a given certificate.
        """
        from mixedmode.faces.ctlclient.provider import ProviderClient

        return ProviderClient(self.host, self.port, self._trust(accepted, wizard=wizard))

    def _trust(self, accepted: str | None, *, wizard: bool) -> TrustCheck:
        from functools import partial

        from mixedmode.app.targets.provider_questions import accept, accept_change
        from mixedmode.faces.ctlclient.known import GivenCertificates, KnownProviders, fingerprint
        from mixedmode.pki.certificates.load import load_certificate

        if self.cacert is not None:
            if accepted is not None:
                raise UsageError("--cacert and --accept-fingerprint do not go together", next_step="give one of both")
            return GivenCertificates([load_certificate(self.cacert)])
        # A lab is this machine's own loopback: its certificates are noted, and nobody has to be asked.
        place = self.lab / "known_providers" if self.lab else Path("~/.config/mixedmode/known_providers").expanduser()
        return KnownProviders(
            place,
            accept if self.lab is None else lambda _place, _certificate: True,
            ask_changed=partial(accept_change, wizard=wizard),
            accepted=fingerprint(accepted) if accepted is not None else None,
        )


def find_provider(
    host: str | None,
    directory: Path | None,
    *,
    port: int | None,
    user: str | None,
    password_file: Path | None,
    cacert: Path | None,
) -> ProviderTarget:
    """Return the provider to use.

    Raises:
        UsageError: No host is named, and there is no lab.
        MalformedError: The lab's document cannot be read.
    """
    if host is not None and directory is None:
        name, _, number = host.partition(":") if host.count(":") == 1 else (host, "", "")
        named = whole_number(number) if number else STANDARD_PORT
        if named is None or not 0 < named < 1 << 16:
            raise UsageError(f"{host!r} is no host", next_step="write HOST or HOST:PORT")
        chosen = port or named
        return ProviderTarget(name, chosen, user or DEFAULT_USER, password_file, cacert, None)
    place = directory or DEFAULT_DIRECTORY
    node = _publisher(place, host)
    username, own_password = administrator(place, _document(place))
    if port is None and (down := lab_is_down(place)) is not None:
        raise down
    if node["ports"].get("ctl_provider") is None:
        raise UsageError(f"{node['name']} runs no CTL Provider", next_step="utils service start Cisco CTL Provider")
    return ProviderTarget(
        node["address"],
        port or node["ports"]["ctl_provider"],
        user or username,
        password_file or own_password,
        cacert,
        place,
    )


def _document(place: Path) -> dict[str, Any]:
    return read_lab(
        place, missing="no server is named, and there is no lab here", next_step="mixedmode ctl-client HOST"
    )


def _publisher(place: Path, name: str | None) -> dict[str, Any]:
    for node in _document(place)["nodes"]:
        if name is None and node["role"] == "publisher":
            return dict(node)
        if name is not None and name.lower() in {node["name"].lower(), node["address"]}:
            return dict(node)
    raise UsageError(f"the lab has no node {name!r}", where=str(place))

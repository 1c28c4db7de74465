"""The passwords of a live cluster's logins that stand in no file and not in the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mixedmode.live.cluster_file import ClusterFile, Login
    from mixedmode.live.logins import Ask


def ask_beforehand(cluster: ClusterFile, answers: dict[tuple[str, str], str | None]) -> Ask:
    """Ask for passwords while Ctrl-C still comes through to the prompt; return who tells them to a look.

    Args:
        cluster: Whose logins.
        answers: What was answered already, by interface and user: nobody is asked twice. New answers are put there.
    """
    from mixedmode.pki.ask import ask_line, is_terminal

    for login in (cluster.axl, cluster.platform):
        if login is None or not login.user or _key(login) in answers or login.password() is not None:
            continue
        if is_terminal():
            asked = f"Password of {login.user} for [{login.interface}]: "
            answers[_key(login)] = ask_line(asked, secret=True) or None
    return lambda login: answers.get(_key(login))


def _key(login: Login) -> tuple[str, str]:
    return login.interface, login.user

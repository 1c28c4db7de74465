"""What can go wrong in a cluster, told apart so that a shell or a page can answer each case."""

from __future__ import annotations

from mixedmode.errors import CheckFailedError, RemoteError, UsageError

TOKEN_NOT_IN_CTL = "The Security Token you have inserted does not exist in the CTL File"  # noqa: S105 - a message
INSERT_ANOTHER = (
    "Please remove any Security Tokens already inserted and insert another Security Token. Click Ok when done."
)
"""The seed's words about a token that may not sign; the cluster and the CTL Client say the same."""


class NotFoundError(UsageError):
    """There is no such node, certificate, device, parameter or operation."""

    default_code = "not-found"


class PublisherOnlyError(UsageError):
    """The command runs on the publisher alone."""

    default_code = "publisher-only"


class VersionError(UsageError):
    """The active version does not know the command, or the text is no version."""

    default_code = "version"


class PreconditionError(CheckFailedError):
    """Something must be put right before the operation may run."""

    default_code = "precondition"


class LicenceRefusedError(PreconditionError):
    """The licence does not allow mixed mode."""

    default_code = "licence"


class ReplicationError(PreconditionError):
    """The nodes do not hold the same data."""

    default_code = "replication"


class NodesUnreachableError(PreconditionError):
    """Nodes that must take the new file do not answer."""

    default_code = "nodes-unreachable"


class ServicesNotActivatedError(PreconditionError):
    """A service that the operation needs is not activated on the publisher."""

    default_code = "services"


class PrivilegeError(UsageError):
    """The privilege level of who asks is too low."""

    default_code = "privilege"

    @classmethod
    def of(cls, user: str, level: int, *, needed: int, action: str) -> PrivilegeError:
        """Return the error for somebody who may not do something."""
        return cls(
            f"this command needs privilege level {needed}, and account {user} has level {level}",
            where=action,
            next_step="log in with an account of that level",
        )


class ClusterBusyError(RemoteError):
    """Another operation holds the cluster's lock."""

    default_code = "cluster-busy"


class LockLostError(RemoteError):
    """The lock was taken over while the operation ran; it must not write any more."""

    default_code = "lock-lost"


class NodeDownError(RemoteError):
    """A node could not take a file."""

    default_code = "node-down"


class OperationFailedError(RemoteError):
    """A step failed; what the operation had changed was put back."""

    default_code = "operation-failed"


class DatabaseError(RemoteError):
    """The database cannot be opened, read or written."""

    default_code = "database"

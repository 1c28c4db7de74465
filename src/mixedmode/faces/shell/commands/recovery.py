"""``utils itl reset``: the ITL signed by the recovery key, after phones have lost their trust."""

from __future__ import annotations

from mixedmode.cluster.engine.results import OperationResult
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.itl import ResetItl, ResetItlRemotely
from mixedmode.errors import UsageError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.foresight import agreed_if_lost
from mixedmode.faces.shell.model import Argument, Command
from mixedmode.faces.shell.sftp import SftpServer, connected, download
from mixedmode.numbers import port_number
from mixedmode.pki.certificates.load import pkcs12_signer
from mixedmode.pki.files import MAX_KEY_FILE


def has_recovery(version: Version) -> bool:
    """Return whether a version has the recovery key."""
    return version.has_itl_recovery


async def reset_local(call: Call) -> None:
    """Sign the publisher's ITL with its other key, and give it to every TFTP node."""
    await agreed_if_lost(call, ResetItl())
    await call.say(texts.ITL_GENERATING)
    await _tell(call, await call.operate(ResetItl()))


async def reset_remote(call: Call) -> None:
    """The same with a recovery key from an SFTP server."""
    host, user, name = (call.value(each) for each in ("host", "user", "file"))
    password = await call.ask(texts.ASK_ITL_PASSWORD, secret=True, user=user, host=host)
    address, _, written = host.partition(":")
    port = port_number(written or "22")
    if port is None:
        raise UsageError(f"{written!r} is no port", where=host)
    async with connected(call, SftpServer(address, port, user, password)) as client:
        data = await download(client, name, MAX_KEY_FILE)
    secret = await call.ask(texts.ASK_RECOVERY_PASSWORD, secret=True)
    signer = await call.blocking(lambda: pkcs12_signer(data, password=lambda _: secret.encode(), where=name))
    operation = await call.blocking(lambda: ResetItlRemotely.signed_by(signer, call.cluster))
    await agreed_if_lost(call, operation)
    await call.say(texts.ITL_GENERATING)
    await _tell(call, await call.operate(operation))


async def _tell(call: Call, result: OperationResult) -> None:
    nodes = [node.name for node in await call.blocking(call.cluster.nodes) if Service.TFTP in node.services]
    await call.say(texts.ITL_GENERATED)
    await call.say(texts.ITL_LOCATING)
    for node in nodes:
        await call.write(node, "")
    await call.say(texts.ITL_COUNT, count=len(nodes))
    await call.say(texts.ITL_TRANSFERRING)
    for node in nodes:
        if node in result.undelivered:
            await call.say(texts.ITL_NOT_TRANSFERRED, node=node, why=result.undelivered[node])
            continue
        await call.session.services.reload_files(node)
        await call.say(texts.ITL_TRANSFERRED, node=node)


COMMANDS = (
    Command.of(
        ResetItl,
        "Signs the ITL file with the publisher's other key.",
        reset_local,
        exists=has_recovery,
    ),
    Command.of(
        ResetItlRemotely,
        "Signs the ITL file with a recovery key from an SFTP server.",
        reset_remote,
        (
            Argument("host", "The SFTP server, with :PORT if it is not 22."),
            Argument("user", "An account there."),
            Argument("file", "Such as ITLRecovery.p12."),
        ),
        exists=has_recovery,
    ),
)

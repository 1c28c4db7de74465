"""Every text of the ``admin:`` command line, in one table, with where it comes from.

Sources: ``SEED`` is the procedure's own transcript (cisco.com 118893), the others are the public documents named in
cucm-admin.md. What no public transcript shows is marked :data:`UNCONFIRMED`: the likely form, to be corrected here and
nowhere else once somebody has seen the real one. The spelling is the original's.
"""

from __future__ import annotations

from dataclasses import dataclass

SEED = "cisco.com 118893"
NON_SECURE_NOTE = "cisco.com 118892"
REFERENCE = "CLI Reference Guide"
PUBLIC = "public transcript (cucm-admin.md)"
UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Text:
    """A text.

    Attributes:
        form: With ``{names}`` to fill in; may have several lines.
        source: Where it comes from.
    """

    form: str
    source: str = UNCONFIRMED

    def lines(self, **values: object) -> list[str]:
        """Return its lines, filled in."""
        return self.form.format(**values).split("\n")

    def line(self, **values: object) -> str:
        """Return it as one string, filled in; for prompts."""
        return self.form.format(**values)


# -- the shell itself ---------------------------------------------------------------------------------------------
PROMPT = Text("admin:", SEED)
WELCOME = Text("   Welcome to the Platform Command Line Interface", PUBLIC)
INVALID = Text("Executed command unsuccessfully\nNo valid command entered")
FAILED = Text("Executed command unsuccessfully")
CANCELLED = Text("Command cancelled")
PUBLISHER_ONLY = Text("{command} can be run on the publisher only")
IDLE = Text("Session closed: nothing was typed for {seconds} seconds")
HELP_MISSING = Text("There is no command that begins with: {line}")
PAGE = Text("options: q=quit, n=next, p=prev, b=begin, e=end (lines {first} - {last} of {total}) :")
END_OF_PAGES = Text("end of the file reached")

# -- who would be lost --------------------------------------------------------------------------------------------
LOST_BY_THIS = Text("{count} would be {outcome}: {names}{more}")
MAY_BE_LOST = Text("{count} whose lists are not known would be {outcome} with those that TFTP gave: {names}{more}")
LOST_SEE = Text("See who, why and what helps: mixedmode forecast --inventory cluster --operation '{operation}'")
ASK_LOST = Text("Do you want to continue? (y/n):")

# -- utils ctl ----------------------------------------------------------------------------------------------------
ASK_MIXED = Text("This operation sets the cluster to Mixed mode. Do you want to continue? (y/n):", SEED)
ASK_MIXED_WILL = Text("This operation will set the cluster to Mixed mode. Do you want to continue? (y/n):", PUBLIC)
ASK_MIXED_AUTO = Text(
    "This operation will set the cluster to Mixed mode.  Auto-registration is enabled on at least one CM node. "
    "Do you want to continue? (y/n): ",
    PUBLIC,
)
ALREADY_MIXED = Text("The cluster is already in Mixed mode.")
MOVING_MIXED = Text("Moving Cluster to Mixed Mode", SEED)
SET_MIXED = Text("Cluster set to Mixed Mode", SEED)
ASK_NON_SECURE = Text(
    "This operation will set the cluster to non secure mode. Do you want to continue? (y/n):", NON_SECURE_NOTE
)
ALREADY_NON_SECURE = Text("The cluster is already in Non Secure mode.")
MOVING_NON_SECURE = Text("Moving Cluster to Non Secure Mode", NON_SECURE_NOTE)
SET_NON_SECURE = Text("Cluster set to Non Secure Mode", NON_SECURE_NOTE)
ASK_UPDATE = Text("This operation updates the CTLFile. Do you want to continue? (y/n):", SEED)
UPDATING = Text("Updating CTL file", SEED)
UPDATED = Text("CTL file Updated", SEED)
RESTART_SERVICES = Text(
    "Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services", SEED
)
RESET_PHONES = Text(
    "You must reset all phones to ensure they received the updated CTL file.\n"
    "You must restart Cisco CTIManager services on all the nodes in the cluster that have the service activated.",
    PUBLIC,
)
ASK_RESET_CTL = Text("This operation resets the CTLFile with the local key. Do you want to continue? (y/n):")
RESETTING_CTL = Text("Resetting CTL file")
CTL_RESET = Text("CTL file Reset")
UNDELIVERED = Text("The file could not be copied to node {node}: {why}\nIt is copied as soon as the node takes files.")
WARNING = Text("Warning: {text}")
DIFFERS = Text("The {kind} file of this node ({node}) is not the one that the publisher published.")
PENDING = Text("The newest file waits for this node: {why}")
UNREADABLE = Text("Length of {kind} file: {length}\nError parsing the {kind} File.")

# -- utils itl ----------------------------------------------------------------------------------------------------
ITL_GENERATING = Text("Name is None \n\nGenerating the reset ITL file.....\n", REFERENCE)
ITL_GENERATED = Text("The reset ITL file was generated successfully\n", REFERENCE)
ITL_LOCATING = Text(
    "Locating active Tftp servers in the cluster.....\n\n"
    "Following is the list of Active tftp servers in the cluster\n\n====================\n",
    REFERENCE,
)
ITL_COUNT = Text("=====================\n\nNumber of Active TFTP servers in the cluster : {count}\n", REFERENCE)
ITL_TRANSFERRING = Text("Transferring new reset ITL file to the TFTP server nodes in the cluster.........\n", REFERENCE)
ITL_TRANSFERRED = Text("Successfully transferred reset ITL to node {node}", REFERENCE)
ITL_NOT_TRANSFERRED = Text("Failed to transfer reset ITL to node {node}: {why}")
ASK_ITL_PASSWORD = Text("Enter the password of {user} on {host}: ")
ASK_RECOVERY_PASSWORD = Text("Enter the password of the recovery key file: ")

# -- services -----------------------------------------------------------------------------------------------------
SERVICE_REQUEST = Text("Requesting service status, please wait...", PUBLIC)
SERVICE_BASE = Text("{name} [STARTED]", PUBLIC)
SERVICE_LIST = Text("Service Manager is running\nGetting list of all services\n>> Return code = 0", PUBLIC)
SERVICE_STARTED = Text("{name}[STARTED]", PUBLIC)
SERVICE_STOPPED = Text("{name}[ STOPPED ]  Component is not running", PUBLIC)
SERVICE_NOT_ACTIVATED = Text("{name}[STOPPED]  Service Not Activated")
SERVICE_MANAGER = Text("Service Manager is running", PUBLIC)
SERVICE_PROGRESS = Text("{name}[{state}]  ", PUBLIC)
SERVICE_RESTARTING = Text(
    " Don't press Ctrl-c while the service is getting RESTARTED.If Service has not Restarted Properly, "
    "execute the same Command Again",
    PUBLIC,
)

# -- files --------------------------------------------------------------------------------------------------------
DELETE_FILE = Text("Delete the File {name}?", SEED)
DELETE_FOLDER = Text("Delete the directory {name} with {count} files?")
ASK_DELETE = Text('Enter "y" followed by return to continue: ', SEED)
DELETED = Text("files: found = {found}, deleted = {deleted}", SEED)
DELETED_NAME = Text("deleted: {name}")
NO_FILE = Text("no such file or directory can be found")
FILE_COUNT = Text("dir count = {directories}, file count = {files}")
GET_SUMMARY = Text(
    "Please wait while the system is gathering files info ...done.\nNumber of files affected: {count}\n"
    "Total size in Bytes: {size}\nTotal size in Kbytes: {kilobytes:.3f}"
)
ASK_GET = Text("Would you like to proceed [y/n]? ")
ASK_SFTP_HOST = Text("SFTP server IP: ", REFERENCE)
ASK_SFTP_PORT = Text("SFTP server port [22]: ")
ASK_SFTP_USER = Text("User ID: ", REFERENCE)
ASK_SFTP_PASSWORD = Text("Password: ", REFERENCE)
ASK_SFTP_DIRECTORY = Text("Download directory: ")
UNKNOWN_HOST = Text("The authenticity of host '{host}' can't be established.\n{kind} key fingerprint is {fingerprint}.")
CHANGED_HOST = Text(
    "WARNING: the server's host key has changed: until now the fingerprint of '{host}' was {before}.\n"
    "That is right if the server was installed anew or its key was replaced; else another machine may answer."
)
ASK_UNKNOWN_HOST = Text("Are you sure you want to continue connecting (yes/no)? ")
TRANSFERRED = Text("Transfer completed.")
ASK_NEW_PASSWORD = Text("Enter a password that protects the recovery key: ")
ASK_PASSWORD_AGAIN = Text("Enter it again: ")

# -- certificates -------------------------------------------------------------------------------------------------
CERTIFICATE_ROW = Text("{unit}/{name}: {text}", PUBLIC)
SELF_SIGNED = Text("Self-signed certificate generated by system", PUBLIC)
SIGNED_BY = Text("Certificate Signed by {issuer}", PUBLIC)
REGENERATED = Text("Successfully regenerated certificate for {unit}.", REFERENCE)
RECOVERY_WARNING = Text(
    "\nWARNING: If you are using a tokenless CTL and if the CallManager certificate is recently \n"
    "generated, please ensure that the CTL File already has the new CallManager certificate and is\n"
    "updated to the endpoints, before generating the ITL Recovery certificate. Are you sure want \nto proceed?\n",
    REFERENCE,
)
ASK_REGENERATE = Text("Proceed with regeneration (yes|no)? ", REFERENCE)
RECOVERY_REGENERATED = Text("\nSuccessfully Regenerated Certificate for {unit}.\n", REFERENCE)
REGENERATED_RESTART = Text(
    "You must restart the services related to {unit} for the regenerated certificates to \nbecome active.", REFERENCE
)
RESTART_ADVICE = Text("Please restart services related to {unit} for the new certificate to\nbecome active.", REFERENCE)
ASK_PASTE = Text("Paste the Certificate and Hit Enter", REFERENCE)
IMPORTED = Text("Successfully imported certificate for {unit}.", REFERENCE)
CSR_GENERATED = Text("Successfully Generated CSR for {unit}.", REFERENCE)
CSR_ROW = Text("{unit}/{unit}.csr: {subject}")
NO_CSR = Text("No signing request waits for its certificate.")
LSC_ROW = Text("{device}  {standing}  {until}  {issuer}")
NO_LSC = Text("There is none.")
ASK_REVOKE = Text("Do you want to revoke every LSC of {device}? It cannot be taken back (y/n): ")
LSC_REVOKED = Text("The LSCs of {device} are revoked.")
ASK_NEW_REQUEST = Text("Do you want to replace it? (yes|no)? ")
DELETED_CERTIFICATE = Text("Successfully deleted certificate {name} from {unit}.")

# -- accounts -----------------------------------------------------------------------------------------------------
NO_ENTRIES = Text("There is no such entry in the audit log.")
ACCOUNT_ROW = Text("Account = {name}, level = {level}, public keys = {keys}")
ASK_LEVEL = Text(
    "Privilege Levels are:\n    Ordinary - Level 0\n    Advanced - Level 1\n\nPlease enter the privilege level :"
)
ASK_ACCOUNT_PASSWORD = Text("Please enter the password :")
ASK_ACCOUNT_PASSWORD_AGAIN = Text("             re-enter to confirm :")
ACCOUNT_MADE = Text("Account successfully created")
ACCOUNT_DELETED = Text("Account successfully deleted")
PASSWORD_CHANGED = Text("Password updated successfully")

# -- the rest -----------------------------------------------------------------------------------------------------
ACTIVE_VERSION = Text("Active Master Version: {version}\nActive Version Installed Software Options:", PUBLIC)
INACTIVE_VERSION = Text("Inactive Master Version: {version}\nInactive Version Installed Software Options:")
NO_OPTIONS = Text("  No Installed Software Options Found.", PUBLIC)
NO_INACTIVE = Text("There is no inactive version installed.")
NO_RECORDS = Text("No records found")
MORE_ROWS = Text("(only the first {rows} rows are shown)")
SWITCH_VERSIONS = Text("Active version:   {active}\nInactive version: {inactive}")
ASK_SWITCH = Text("This operation switches every node to version {inactive}. Do you want to continue? (y/n):")
SWITCHED = Text("Version {version} is active now. Restart the services of every node.")
UPGRADE_WARNING = Text("\nWarning: Do not close this window without first canceling the upgrade.\n")
ASK_UPGRADE_VERSION = Text('Please enter the version to install, such as 12.5.1.10000-22 (or "q" to quit): ')
UPGRADE_PLAN = Text("Version {version} is installed beside the active version {active}:")
ASK_AUTO_SWITCH = Text("Automatically switch versions if the upgrade is successful (yes/no): ")
ASK_START_UPGRADE = Text("Start installation (yes/no): ")
UPGRADING = Text("Upgrading the system.  Please wait...")
UPGRADED = Text("Version {version} is installed on the inactive partition.\nTo run it: utils system switch-version")
NO_UPGRADE = Text("No upgrade is in progress.")
UPGRADE_RUNS = Text("The upgrade to version {version} is in progress, step {number} of {total}:\n  {step}")
UPGRADE_DONE = Text("The last upgrade, to version {version}, was completed on {moment}.")
UPGRADE_UNDONE = Text("The last upgrade, to version {version}, was taken back on {moment}: {why}")
UPGRADE_CANCELLED = Text("The upgrade to version {version} was cancelled.")
UPGRADE_TOO_LATE = Text("The upgrade to version {version} had been committed already, and was completed.")
REPLICATION_SHARED = Text("Cluster Replication State: every node reads the publisher's database")
REPLICATION_OWN = Text("Cluster Replication State: every node has its own database")
BUNDLE = Text("Output written to: {path}\nShow it with: file view activelog {path}")


def unconfirmed() -> list[str]:
    """Return the names of the texts that no public transcript shows."""
    return sorted(name for name, text in globals().items() if isinstance(text, Text) and text.source == UNCONFIRMED)

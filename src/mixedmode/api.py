"""The declared public surface: what a program may import from mixedmode, and what semantic versions are about.

All else is the inside of the house and may move between any two releases. Nothing here opens a socket or a database;
:func:`load_signer` and the other ``load_`` functions read files, the rest takes and gives bytes and values. It needs
the reading parts of the package alone (cryptography).

Example:
    >>> from mixedmode import api
    >>> trust_list = api.TrustList.parse(data)
    >>> bool(trust_list.verify()), [record.role_label for record in trust_list.records]
"""

from __future__ import annotations

from mixedmode.errors import (
    CheckFailedError,
    LocalProtocolError,
    MalformedError,
    MixedModeError,
    ProtocolError,
    RemoteError,
    RemoteProtocolError,
    UsageError,
)
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, NeedTvs, TvsAnswer, TvsOutcome, TvsQuestion, settle
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import load_certificate, load_certificates, load_private_key, load_signer
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import Signer, SignerError, SoftwareSigner
from mixedmode.signedfile import (
    BadSignatureError,
    DecryptError,
    OpenedFile,
    SignedFile,
    UnknownSignerError,
    WrongFilenameError,
    encrypt_config,
    open_file,
    sign_file,
)
from mixedmode.trustlist import Layout, Record, Role, TrustList, Verification
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.diff import Difference, diff_trust_lists
from mixedmode.trustlist.document import describe
from mixedmode.trustlist.listing import render_listing
from mixedmode.trustlist.problems import Problem, Severity, find_problems

__all__ = [
    "BadSignatureError",
    "Certificate",
    "CheckFailedError",
    "Decision",
    "DecryptError",
    "Difference",
    "DigestAlgorithm",
    "Layout",
    "ListKind",
    "LocalProtocolError",
    "MalformedError",
    "MixedModeError",
    "NeedTvs",
    "OpenedFile",
    "PolicySettings",
    "Problem",
    "ProtocolError",
    "Record",
    "RecordForm",
    "RecordSpec",
    "RemoteError",
    "RemoteProtocolError",
    "Role",
    "Severity",
    "SignedFile",
    "Signer",
    "SignerError",
    "SoftwareSigner",
    "TrustList",
    "TrustPolicy",
    "TrustState",
    "TvsAnswer",
    "TvsOutcome",
    "TvsQuestion",
    "UnknownSignerError",
    "UsageError",
    "Verification",
    "WrongFilenameError",
    "build_trust_list",
    "describe",
    "diff_trust_lists",
    "encrypt_config",
    "find_problems",
    "get_model",
    "load_certificate",
    "load_certificates",
    "load_private_key",
    "load_signer",
    "open_file",
    "render_listing",
    "settle",
    "sign_file",
]

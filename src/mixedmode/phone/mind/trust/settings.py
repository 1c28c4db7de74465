"""What the public record leaves open about phones, as named settings with a documented default.

Each field answers one question that phone-trust.md marks uncertain. A decision that such a field settled
names it (:attr:`Decision.setting`), so that a forecast can say which of its figures rest on an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The open questions of phone-trust.md and our answers.

    Attributes:
        verify_first_list: Refuse a first list whose own signature provably does not hold (2.1). Phones are
            not known to check; ours does, since such a file is damaged. A list that merely lacks its
            signer's record is still accepted.
        first_ctl_from_unknown_signer: Accept the first CTL on a phone that holds only an ITL although nobody
            vouches for its signer (row 5, T- and T0). Default no: the source does not say that phones do.
        ctl_server_record_vouches_for_first_itl: On a phone with a CTL and no ITL, a TFTP or CCM+TFTP record of
            the CTL vouches for the ITL as a SAST record would (row 3). Default yes: in a CTL signed by
            security tokens the ITL's signer stands only so, and row 3 has both lists accepted.
        enforce_two_sast: Refuse lists with more than two SAST records (2.4). Default no: lists of 11.5 and
            later have four.
        check_expiry: Refuse signers whose certificate is not valid now (2.1). Default no, as phones outside
            FIPS mode are believed to do.
        ctl_kept_on_404: Keep a stored CTL when the server has none (2.3). Default yes.
        refuse_over_64_kib: Refuse lists of more than 65535 bytes (2.3). Default yes.
        sha256_where_sha512: Phones that know SHA-512 take SHA-256 too (digest code 2 is defined, but no known
            writer uses it). Default yes; phones that know only SHA-1 always refuse it.
        sast_only_itl_is_blank: An ITL with SAST records alone counts as blanked for rollback, like one whose
            TVS and TFTP records are empty (4.3). Default no: a list made without those records asked for
            nothing of the kind.
        check_config_filename: Refuse a signed file that was signed under another name (wire-formats.md 2).
            Default yes.
        tvs_certificate_must_match: Refuse a TVS answer whose certificate has another issuer or serial than was
            asked for. Default yes.
        check_list_filename: Refuse a list whose name in the header is one of the other kind, or none (row 18b).
            Default yes: not documented, ours; otherwise a CTL could take the ITL's place.
        check_list_version: Refuse a list of another version than 1.2 or a later minor one (row 18b): a signed file
            without content is no list. Default yes: not documented, ours.
        allow_older_list: Take a list that was signed before the one held. Default yes, as phones are not known to
            compare dates; the decision says so.
    """

    verify_first_list: bool = True
    first_ctl_from_unknown_signer: bool = False
    ctl_server_record_vouches_for_first_itl: bool = True
    enforce_two_sast: bool = False
    check_expiry: bool = False
    ctl_kept_on_404: bool = True
    refuse_over_64_kib: bool = True
    sha256_where_sha512: bool = True
    sast_only_itl_is_blank: bool = False
    check_config_filename: bool = True
    tvs_certificate_must_match: bool = True
    check_list_filename: bool = True
    check_list_version: bool = True
    allow_older_list: bool = True


@dataclass(frozen=True, slots=True)
class BootSettings:
    """Open questions about how a phone starts.

    Attributes:
        ask_shared_ctl: Ask for ``CTLFile.tlv`` when there is no ``CTLSEP<MAC>.tlv`` (1.1, step 3c). Default
            no: the logs of a 7921 and an 8945 go straight on.
        ask_shared_itl: Ask for ``ITLFile.tlv`` when there is no ``ITLSEP<MAC>.tlv`` (1.1, step 3b). Default yes.
        default_config: Ask for ``XMLDefault.cnf.xml`` when there is no file for the device (1.1, step 4b).
    """

    ask_shared_ctl: bool = False
    ask_shared_itl: bool = True
    default_config: bool = True

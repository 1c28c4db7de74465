"""Enterprise and service parameters (cucm-admin.md 2): one table of names, defaults, values and consequences."""

from __future__ import annotations

from dataclasses import dataclass

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import Service
from mixedmode.errors import UsageError
from mixedmode.numbers import whole_number

ENTERPRISE = "Enterprise"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter.

    Attributes:
        name: ``processconfig.paramname``.
        title: As the administration pages print it.
        default: Value of a new cluster.
        choices: The values it may have, empty for a number.
        service: Whose it is.
        numbers: Lowest and highest number, when it is one.
        restarts: Services that take the new value only after a restart.
        read_only: Only an operation of its own may change it.
    """

    name: str
    title: str
    default: str
    choices: tuple[str, ...] = ()
    service: str = ENTERPRISE
    numbers: tuple[int, int] | None = None
    restarts: tuple[Service, ...] = ()
    read_only: bool = False

    def check(self, value: str) -> str:
        """Return the value if the parameter may have it.

        Raises:
            UsageError: It may not.
        """
        if self.numbers is not None:
            number = whole_number(value)
            if number is not None and self.numbers[0] <= number <= self.numbers[1]:
                return str(number)
            allowed = f"a number from {self.numbers[0]} to {self.numbers[1]}"
        elif value in self.choices:
            return value
        else:
            allowed = " or ".join(self.choices)
        raise UsageError(f"{value!r} is no value of {self.title}", where=self.name, next_step=f"use {allowed}")


SECURITY_MODE = Parameter("ClusterSecurityMode", "Cluster Security Mode", "0", ("0", "1"), read_only=True)
SIGNATURE_ALGORITHM = Parameter(
    "TFTPFileSignatureAlgorithm",
    "TFTP File Signature Algorithm",
    "SHA-1",
    ("SHA-1", "SHA-512"),
    restarts=(Service.TFTP,),
)
ROLLBACK = Parameter(
    "PrepareClusterForRollbackToPre80",
    "Prepare Cluster for Rollback to pre-8.0",
    "False",
    ("True", "False"),
    restarts=(Service.TVS, Service.TFTP),
)
CAPF_EXPIRY = Parameter("CAPFOperationExpiresInDays", "CAPF Operation Expires in (days)", "10", numbers=(1, 365))
PHONE_INTERACTION = Parameter(
    "PhoneInteractionOnCertificateUpdate",
    "Phone Interaction on Certificate Update",
    "Automatically Reset Phones",
    ("Automatically Reset Phones", "Manually Reset Phones"),
)
CAPF_PORT = Parameter(
    "CAPFPhonePort", "CAPF Phone Port", "3804", service=Service.CAPF, numbers=(1, 65535), restarts=(Service.CAPF,)
)
CTL_PROVIDER_PORT = Parameter(
    "CTLProviderPort",
    "Port Number",
    "2444",
    service=Service.CTL_PROVIDER,
    numbers=(1, 65535),
    restarts=(Service.CTL_PROVIDER,),
)
SERVING_COUNT = Parameter(
    "MaximumServingCount",
    "Maximum Serving Count",
    "500",
    service=Service.TFTP,
    numbers=(1, 5000),
    restarts=(Service.TFTP,),
)
AUTO_REGISTRATION = Parameter(
    "AutoRegistrationEnabled",
    "Auto-registration Enabled on this Cisco Unified Communications Manager",
    "False",
    ("True", "False"),
    service=Service.CALLMANAGER,
)

PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        SECURITY_MODE,
        SIGNATURE_ALGORITHM,
        ROLLBACK,
        CAPF_EXPIRY,
        PHONE_INTERACTION,
        CAPF_PORT,
        CTL_PROVIDER_PORT,
        SERVING_COUNT,
        AUTO_REGISTRATION,
    )
}


def parameter_named(name: str) -> Parameter:
    """Return the parameter of a name or title.

    Raises:
        NotFoundError: There is none.
    """
    for parameter in PARAMETERS.values():
        if name in {parameter.name, parameter.title}:
            return parameter
    raise NotFoundError(f"there is no parameter {name!r}", next_step=f"one of: {', '.join(PARAMETERS)}")

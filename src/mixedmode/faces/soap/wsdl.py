"""The WSDL that clients such as zeep read before they call RIS or Control Center; our own, of what is answered."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.soap.envelope import AST
from mixedmode.xml_reader import xml_text

_DEVICE: Final = (
    "Name DirNumber DeviceClass Model:int Product:int BoxProduct:int Httpd RegistrationAttempts:int "
    "IsCtiControllable:boolean LoginUserId Status StatusReason:int PerfMonObject:int DChannel:int Description "
    "H323Trunk=H323Trunk TimeStamp:long Protocol NumOfLines:int LinesStatus=Lines ActiveLoadID InactiveLoadID "
    "DownloadStatus DownloadFailureReason DownloadServer IPAddress=Addresses"
)
RIS_TYPES: Final = {
    "SelectItem": "Item",
    "SelectItems": "item=SelectItem*",
    "CmSelectionCriteria": "MaxReturnedDevices:int DeviceClass Model:int Status NodeName SelectBy "
    "SelectItems=SelectItems Protocol DownloadStatus",
    "Select": "StateInfo CmSelectionCriteria=CmSelectionCriteria",
    "H323Trunk": "ConfigName TechPrefix Zone",
    "Line": "DirectoryNumber Status",
    "Lines": "item=Line*",
    "Address": "IP IPAddrType Attribute",
    "Addresses": "item=Address*",
    "CmDevice": _DEVICE,
    "CmDevices": "item=CmDevice*",
    "CmNode": "ReturnCode Name NoChange:boolean CmDevices=CmDevices",
    "CmNodes": "item=CmNode*",
    "SelectCmDeviceResult": "TotalDevicesFound:int CmNodes=CmNodes",
    "SelectReturn": "SelectCmDeviceResult=SelectCmDeviceResult StateInfo",
    "SelectResponse": "selectCmDeviceReturn=SelectReturn",
}
RIS_ELEMENTS: Final = {
    "selectCmDevice": "Select",
    "selectCmDeviceExt": "Select",
    "selectCmDeviceResponse": "SelectResponse",
}
RIS_OPERATIONS: Final = {
    "selectCmDevice": ("selectCmDeviceResponse", "#RisPort#SelectCmDevice"),
    "selectCmDeviceExt": ("selectCmDeviceResponse", "#RisPort#SelectCmDeviceExt"),
}
CONTROL_TYPES: Final = {
    "GetStatus": "ServiceStatus*",
    "ServiceInfo": "ServiceName ServiceStatus ReasonCode:int ReasonCodeString StartTime UpTime:int UpTimeString",
    "ServiceInfoList": "item=ServiceInfo*",
    "StatusReturn": "ReturnCode ReasonCode:int ReasonString ServiceInfoList=ServiceInfoList",
    "StatusResponse": "soapGetServiceStatusReturn=StatusReturn",
    "ListProducts": "ServiceInfo",
    "Product": "ProductName ProductVersion ProductDescription ProductID ShortName",
    "Products": "item=Product*",
    "Kind": "ServiceName ServiceType Deployable:boolean GroupName ProductID",
    "Kinds": "item=Kind*",
    "ProductsReturn": "ActiveServerVersion PrimaryNode SecondaryNode Products=Products Services=Kinds",
    "ProductsResponse": "getProductInformationListReturn=ProductsReturn",
    "KindsReturn": "Services=Kinds",
    "KindsResponse": "getStaticServiceListExtendedReturn=KindsReturn",
}
CONTROL_ELEMENTS: Final = {
    "soapGetServiceStatus": "GetStatus",
    "soapGetServiceStatusResponse": "StatusResponse",
    "getProductInformationList": "ListProducts",
    "getProductInformationListResponse": "ProductsResponse",
    "getStaticServiceListExtended": "ListProducts",
    "getStaticServiceListExtendedResponse": "KindsResponse",
}
CONTROL_OPERATIONS: Final = {
    name: (f"{name}Response", f"#ControlCenterServices#{name}")
    for name in ("soapGetServiceStatus", "getProductInformationList", "getStaticServiceListExtended")
}


def ris_wsdl(address: str) -> bytes:
    """Return the WSDL of RIS at an address."""
    return _wsdl("RISService70", "RisPort70", address, RIS_TYPES, RIS_ELEMENTS, RIS_OPERATIONS)


def control_wsdl(address: str) -> bytes:
    """Return the WSDL of Control Center at an address."""
    return _wsdl(
        "ControlCenterServices",
        "ControlCenterServicesPort",
        address,
        CONTROL_TYPES,
        CONTROL_ELEMENTS,
        CONTROL_OPERATIONS,
    )


def _wsdl(
    service: str,
    port: str,
    address: str,
    types: dict[str, str],
    elements: dict[str, str],
    operations: dict[str, tuple[str, str]],
) -> bytes:
    schema = "".join(_type(name, fields) for name, fields in types.items())
    schema += "".join(f'<xs:element name="{name}" type="t:{kind}"/>' for name, kind in elements.items())
    messages = "".join(
        f'<w:message name="{name}"><w:part name="parameters" element="t:{name}"/></w:message>' for name in elements
    )
    ports = "".join(
        f'<w:operation name="{name}"><w:input message="t:{name}"/><w:output message="t:{answer}"/></w:operation>'
        for name, (answer, _) in operations.items()
    )
    bound = "".join(
        f'<w:operation name="{name}"><s:operation soapAction="{AST}/action/{action}" '
        'style="document"/><w:input><s:body use="literal"/></w:input><w:output><s:body use="literal"/></w:output>'
        "</w:operation>"
        for name, (_, action) in operations.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" '
        f'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="{AST}" targetNamespace="{AST}">'
        f'<w:types><xs:schema elementFormDefault="qualified" targetNamespace="{AST}">{schema}</xs:schema></w:types>'
        f'{messages}<w:portType name="{port}Type">{ports}</w:portType>'
        f'<w:binding name="{port}Binding" type="t:{port}Type">'
        f'<s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</w:binding>'
        f'<w:service name="{service}"><w:port name="{port}" binding="t:{port}Binding">'
        f'<s:address location="{xml_text(address)}"/></w:port></w:service></w:definitions>'
    ).encode()


def _type(name: str, fields: str) -> str:
    held = "".join(_field(each) for each in fields.split())
    return f'<xs:complexType name="{name}"><xs:sequence>{held}</xs:sequence></xs:complexType>'


def _field(text: str) -> str:
    most = ' maxOccurs="unbounded"' if text.endswith("*") else ""
    name, equals, kind = text.rstrip("*").partition("=")
    name, _, simple = name.partition(":")
    written = f"t:{kind}" if equals else f"xs:{simple or 'string'}"
    return f'<xs:element minOccurs="0"{most} name="{name}" type="{written}"/>'

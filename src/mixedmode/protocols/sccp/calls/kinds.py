"""Every known message of calls by its id."""

from __future__ import annotations

from typing import Final

from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.call_info import CallInfo, DynamicCallInfo
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.calls.ports import PortClose, PortReq, PortRes
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsReq, ConnectionStatisticsRes

FROM_PHONE: Final[tuple[type[Laid], ...]] = (
    *(f.OffHook, f.OnHook, f.KeypadButton, f.EnblocCall, f.Stimulus, f.SoftKeyEvent),
    *(f.MediaPathEvent, f.MediaPathCapability, f.UpdateCapabilities, ConnectionStatisticsRes),
    *(m.OpenReceiveChannelAck, m.StartMediaTransmissionAck, m.MediaTransmissionFailure, PortRes),
)
"""What phones say."""
TO_PHONE: Final[tuple[type[Laid], ...]] = (
    *(t.CallState, CallInfo, DynamicCallInfo, t.DialedNumber, t.SelectSoftKeys, t.SetLamp, t.SetRinger),
    *(t.SetSpeakerMode, t.SetMicroMode, t.StartTone, t.StopTone, t.ActivateCallPlane, t.DeactivateCallPlane),
    *(t.DisplayPromptStatus, t.DynamicPromptStatus, t.ClearPromptStatus, t.DisplayNotify, t.DynamicNotify),
    *(t.ClearDisplay, t.ClearNotify, t.DisplayPriNotify, t.DynamicPriNotify, t.ClearPriNotify, t.CallSelectStat),
    *(t.CallHistoryDisposition, ConnectionStatisticsReq, m.OpenReceiveChannel, m.StartMediaTransmission),
    *(m.CloseReceiveChannel, m.StopMediaTransmission, PortReq, PortClose),
)
"""What servers say."""
CALL_KINDS: Final = {kind.ID: kind for kind in (*FROM_PHONE, *TO_PHONE)}

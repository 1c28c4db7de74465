"""Lists that a CTL Client brings and the cluster refuses."""

from __future__ import annotations

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.ctl_upload import CtlAction, InstallCtl, UploadCtl
from mixedmode.errors import MixedModeError
from tests.cluster.building import PUB, SUB
from tests.cluster.tokens import ANNA

TO_MIXED = CtlAction.MIXED


def refused(cluster: Cluster, data: bytes, action: CtlAction = TO_MIXED) -> MixedModeError:
    """Try to install a list; see that nothing changed and that it is audited, and return why."""
    before = [cluster.show_ctl(node).data for node in (PUB, SUB)], cluster.mode
    with pytest.raises(MixedModeError) as error:
        cluster.run(UploadCtl.of(data, action), ANNA)
    assert ([cluster.show_ctl(node).data for node in (PUB, SUB)], cluster.mode) == before
    last = cluster.operations.journal.audit()[-1]
    assert (last.action, last.outcome, last.user) == (InstallCtl.title, "refused", ANNA.user)
    assert error.value.next_step
    return error.value

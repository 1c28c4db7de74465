"""The sample lists with what an independent reader found in each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.support import DATA


class Sample(NamedTuple):
    """A sample file and its manifest entry."""

    path: Path
    expected: dict[str, Any]

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()


def load_samples() -> list[Sample]:
    """Return every trust list of the manifests."""
    found = []
    for folder in ("cucm", "tlv", "tlvfile"):
        manifest = json.loads((DATA / folder / "manifest.json").read_text())
        found += [Sample(DATA / folder / name, expected) for name, expected in manifest.items()]
    return found


SAMPLES = load_samples()
WELL_FORMED = [sample for sample in SAMPLES if not sample.expected.get("malformed")]
MALFORMED = [sample for sample in SAMPLES if sample.expected.get("malformed")]
TOKENLESS = DATA / "cucm" / "tokenless-4947.tlv"
ETOKENS = DATA / "tlv" / "52-seed-etoken2-signs-5728.tlv"
NON_SECURE = DATA / "cucm" / "nonsecure-3746.tlv"


def sample_id(sample: Sample) -> str:
    """Name a sample in test output."""
    return f"{sample.path.parent.name}/{sample.path.name}"

"""The change that ``mixedmode forecast`` is asked about, from options in the order of the command line or a TOML file.

Rules:

1. Each ``--publish`` and each ``--step`` is a step, in the order in which they stand; ``--publish CTL,ITL`` is one.
2. ``--off`` belongs to the step before it, or to the first one if it stands before all of them.
3. What a file is published as, its own name tells; if that does not, its header does.
4. Certificates are named by SHA-256, if they stand in a list that the plan publishes, or by a PEM file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mixedmode.app.targets.sources import open_source, read_source
from mixedmode.errors import MalformedError, UsageError
from mixedmode.forecast.plan import NOBODY, Off, Published, Step, Tvs
from mixedmode.forecast.planning.signing import signed_again
from mixedmode.forecast.vouching import Store, Upload
from mixedmode.inventory.library import Library, digest_of
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.policy import read_list
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.files import read_limited
from mixedmode.trustlist.header import Header
from mixedmode.trustlist.kinds import looks_described, names_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.pasted.standin import DescribedList
from mixedmode.trustlist.roles import MAX_FILE
from mixedmode.trustlist.walk import walk_header

STEP_OPTIONS: Final = ("--publish", "--operation", "--step", "--off")
_KEYS: Final = ("publish", "operation", "off", "tvs", "reset", "upload", "signed_by")
_WORDS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_SHOWN: Final = 64
Operate = Callable[[str], Step]
"""Plans an operation of a cluster."""


def _no_step(what: str) -> UsageError:
    step = f'write "publish:CTLFile.tlv;off:30%"; there are {", ".join(_KEYS)}'
    return UsageError(f"--step: {what}", next_step=step)


def truth(text: str) -> bool:
    """Return what a word such as ``true`` or ``no`` says.

    Raises:
        UsageError: It says neither.
    """
    found = _WORDS.get(text.strip().lower())
    if found is None:
        raise UsageError(f"{text!r} is neither true nor false")
    return found


def in_order(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return the options of :data:`STEP_OPTIONS` and their values as they stand on a command line."""
    found = []
    place = 0
    while place < len(words):
        name, equals, value = words[place].partition("=")
        place += 1
        if name in STEP_OPTIONS:
            if not equals:
                value = words[place] if place < len(words) else ""
                place += 1
            found.append((name.removeprefix("--"), value))
    return found


class Changes:
    """Reads steps.

    Args:
        operate: Plans an operation.
        folder: What paths are relative to.
        library: Takes in what is published, and knows the certificates that a pasted listing stands for.
        stdin: What is read from standard input already, in words; empty: nothing.

    Attributes:
        files: What is published, by its name as given.
    """

    def __init__(
        self, operate: Operate, folder: Path | None = None, library: Library | None = None, stdin: str = ""
    ) -> None:
        self.operate = operate
        self.stdin = stdin
        self.folder = folder
        self.library = library or Library()
        self.files: dict[str, bytes] = {}
        self._read: dict[str, Published] = {}

    def from_options(self, options: Iterable[tuple[str, str]]) -> list[Step]:
        """Return the steps of a command line (rules 1 and 2)."""
        options = list(options)
        self._take_in(value for name, value in options if name == "publish")
        steps: list[Step] = []
        waiting: list[str] = []
        for name, value in options:
            if name == "off" and not steps:
                waiting.append(value)
            elif name == "off":
                steps[-1] = replace(steps[-1], off=_more(steps[-1].off, value))
            elif name == "step":
                steps.append(self.from_text(value))
            else:
                steps.append(self.step({name: value}))
        if waiting and steps:
            for value in waiting:
                steps[0] = replace(steps[0], off=_more(steps[0].off, value))
        return steps

    def from_text(self, text: str) -> Step:
        """Return the step of ``publish:CTLFile.tlv;off:30%``."""
        found: dict[str, Any] = {}
        for part in text.split(";"):
            key, colon, value = part.partition(":")
            if not part.strip():
                continue
            if not colon or key.strip() not in _KEYS:
                raise _no_step(f"{part.strip()[:_SHOWN]!r} says nothing that is known")
            if key.strip() in found:
                raise _no_step(f"{key.strip()} is there twice")
            found[key.strip()] = value.strip()
        if not found:
            raise _no_step("it says nothing")
        return self.step(found)

    def from_file(self, path: Path) -> tuple[list[Step], Tvs | None]:
        """Return the steps of a TOML file, and how TVS answers in all of them if it says so.

        Raises:
            UsageError: The file cannot be read, or a key is not known.
            MalformedError: It is no TOML.
        """
        from mixedmode.toml_reader import read_toml

        try:
            document = read_toml(read_limited(path, MAX_FILE)[0])
        except ValueError as error:
            raise MalformedError("this is no TOML", where=str(path), why=str(error)) from error
        unknown = sorted(set(document) - {"step", "tvs"})
        steps = document.get("step", [])
        if unknown or not isinstance(steps, list) or not all(isinstance(each, dict) for each in steps):
            raise UsageError(
                f"{unknown[0]!r} is no key of a plan" if unknown else "step is no array of tables",
                where=str(path),
                next_step="write [[step]] tables",
            )
        inside = Changes(self.operate, path.parent, self.library, self.stdin)
        found: list[Step] = []
        ways: tuple[Callable[[Mapping[str, Any]], None], ...] = (
            lambda each: inside._take_in(_texts(each.get("publish", []))),
            inside.read,
            lambda each: found.append(inside.step(each)),
        )
        for way in ways:
            for number, each in enumerate(steps, 1):
                try:
                    way(each)
                except (UsageError, MalformedError) as error:
                    raise error.located(f"{path}: step {number}") from None
        self.files |= inside.files
        try:
            return found, _tvs(document["tvs"]) if "tvs" in document else None
        except UsageError as error:
            raise error.located(str(path)) from None

    def step(self, found: Mapping[str, Any]) -> Step:
        """Return the step of a table.

        Raises:
            UsageError: A key is not known, or a value is wrong.
        """
        unknown = sorted(set(found) - set(_KEYS))
        if unknown:
            raise UsageError(f"{unknown[0]!r} is no key of a step", next_step=f"there are {', '.join(_KEYS)}")
        operation = _text("operation", found.get("operation", "")).strip()
        if "operation" in found and not operation:
            raise UsageError("operation: it names none", next_step='write it as "set cert regen node=PUB unit=TVS"')
        step = self.operate(operation) if operation else Step("")
        sources = [source for text in _texts(found.get("publish", [])) for source in self._split(text)]
        lists = [self._published(source) for source in sources]
        signer = self._certificate(_text("signed_by", found["signed_by"])) if "signed_by" in found else None
        if signer is not None and not (sources or operation):
            raise UsageError("signed_by: the step publishes no list", next_step="publish the one that is signed anew")
        stand_ins = step.signed_by_stand_in
        if signer is not None:
            lists = [_signed(each, signer) for each in lists]
            stand_ins |= {each.file.data for each in lists if isinstance(each.file, TrustList)}
        else:
            # Who signed what was pasted, the cluster has said: there is no signature to be checked.
            pasted = (each.file for each in lists if isinstance(each.file, DescribedList))
            stand_ins |= {each.data for each in pasted if each.verify()}
        labels = [step.label] if step.label else []
        signed = "" if signer is None else f" signed by {signer.subject}"
        labels += [f"publish {', '.join(sources)}{signed}"] if sources else []
        off = NOBODY
        for text in _texts(found.get("off", [])):
            off = _more(off, text)
        return replace(
            step,
            label="; ".join(labels) or "nothing is published",
            lists=(*step.lists, *lists),
            operation=operation,
            uploads=tuple(self._upload(text) for text in _texts(found.get("upload", []))),
            signed_by=signer,
            signed_by_stand_in=stand_ins,
            off=off,
            tvs=_tvs(found["tvs"]) if "tvs" in found else step.tvs,
            reset=_truth("reset", found.get("reset", True)),
        )

    def _path(self, source: str) -> str:
        if self.folder is not None and source != "-" and "://" not in source and (self.folder / source).exists():
            return str(self.folder / source)
        return source

    def _split(self, text: str) -> list[str]:
        if not text.strip(" ,"):
            raise UsageError(f"publish: {text[:_SHOWN]!r} names no list", next_step="name a file or a URL")
        whole = "," not in text or Path(self._path(text)).exists()
        return [text] if whole else [part.strip() for part in text.split(",") if part.strip()]

    def read(self, found: Mapping[str, Any]) -> None:
        """Read what a step publishes, so that another may name the certificates in it (rule 4)."""
        texts = found.get("publish", [])
        for text in _texts(texts) if isinstance(texts, (str, list)) else ():
            for source in self._split(text):
                self._published(source)

    def _upload(self, text: str) -> Upload:
        store, _, which = text.partition(":")
        if store not in set(Store):
            raise UsageError(
                f"upload: {store!r} is no trust store that vouches for phones",
                next_step=f"write STORE:SHA256 or STORE:FILE.pem; there are {', '.join(Store)}",
            )
        return Upload(self._certificate(which), Store(store))

    def _certificate(self, text: str) -> Certificate:
        """Return the certificate of a hash or of a file (rule 4)."""
        if not text.strip():
            raise UsageError("no certificate is named", next_step="write its SHA-256, or a file: NAME.pem")
        digest = digest_of(text)
        if digest is None:
            try:
                return Certificate.from_file(read_source(self._path(text.strip()), limit=MAX_FILE))
            except MalformedError as error:
                raise error.located(text) from None
        lists = [each.file for each in self._read.values() if isinstance(each.file, TrustList)]
        records = (record for each in lists for record in each.records)
        for record in records:
            if record.certificate is not None and record.certificate.sha256.hex() == digest:
                return record.certificate
        raise UsageError(f"no list that is published has a certificate of SHA-256 {digest}")

    def _published(self, source: str) -> Published:
        if source not in self._read:
            self._read[source] = self._open(source)
        return self._read[source]

    def _take_in(self, texts: Iterable[str]) -> None:
        """Make known the certificates of all lists that are published, before listings are read of others."""
        for text in texts:
            for source in self._split(text):
                data = self._data(source)
                if not looks_described(data):
                    self.library.add(data)

    def _data(self, source: str) -> bytes:
        if source == "-" and self.stdin:
            raise UsageError(f"standard input is {self.stdin}: it is read once", next_step="name a file for the list")
        if source not in self.files:
            self.files[source] = open_source(self._path(source), limit=4 * MAX_FILE).data
        return self.files[source]

    def _open(self, source: str) -> Published:
        data = self._data(source)
        found: TrustList | bytes | None = None
        try:
            found = self.library.published(data) if looks_described(data) else None
        except MalformedError as error:
            raise error.located(source) from None
        if found is None:
            found = read_list(data)
        try:
            header = Header(found, walk_header(found)) if isinstance(found, bytes) else found.header
        except MalformedError as error:
            raise error.located("standard input" if source == "-" else source) from None
        return Published(_kind(source, header, found), found, self._path(source))


def _signed(published: Published, by: Certificate) -> Published:
    if not isinstance(published.file, TrustList) or by not in {record.certificate for record in published.file.records}:
        raise UsageError(
            f"{published.source}: {by.subject} does not stand in the list, and cannot sign it again",
            next_step="signed_by: the SHA-256 of a SAST record's certificate",
        )
    return replace(published, file=signed_again(published.file, by))


def _kind(source: str, header: Header, found: TrustList | bytes) -> ListKind:
    for name in (source, header.filename or ""):
        last = name.replace("\\", "/").rpartition("/")[2]
        if names_list(last):
            return ListKind(last[:3].upper())
    if isinstance(found, TrustList):
        return ListKind(found.kind)
    raise UsageError(
        "neither the file's name nor its header says whether it is a CTL or an ITL",
        where=source,
        next_step="name it CTLFile.tlv or ITLFile.tlv",
    )


def _more(off: Off, text: str) -> Off:
    new = Off.parse(text)
    return Off(off.names | new.names, min(100, off.percent + new.percent))


def _tvs(value: object) -> Tvs:
    try:
        return Tvs(str(value).strip().lower())
    except ValueError:
        raise UsageError(f"{value!r} is no way of TVS", next_step=f"write {', '.join(Tvs)}") from None


def _text(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise UsageError(f"{key}: {value!r} is no text")


def _truth(key: str, value: object) -> bool:
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        return truth(value)
    raise UsageError(f"{key}: {value!r} is neither true nor false")


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise UsageError(f"{value!r} is no text or array of texts")

"""Tables and forms without a browser: what an address asks for, what an operation's fields become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.store.schema import DevicePool, DeviceRow
from mixedmode.control.door import Control
from mixedmode.errors import UsageError
from mixedmode.faces.web.kit.answers import Csv
from mixedmode.faces.web.kit.asking import whole_number
from mixedmode.faces.web.kit.forms import Field, Form, operation_form
from mixedmode.faces.web.kit.tables import Column, Filter, Sheet, Table, contains, equals
from tests.cluster.building import copied
from tests.support import effort

PHONES = Table(
    "phones",
    (
        Column("name", "Device name", DeviceRow.name, lambda row: row.name),
        Column("model", "Model", DeviceRow.model, lambda row: row.model, low=True),
    ),
    (
        Filter("name", "Name", contains(DeviceRow.name)),
        Filter("model", "Model", equals(DeviceRow.model), choices=(("7975", "7975"), ("7940", "7940"))),
    ),
    sort="name",
    tie=DeviceRow.id,
)
QUERY = select(DeviceRow.name, DeviceRow.model, DevicePool.name.label("pool")).join(DevicePool)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, web_template: Path) -> Iterator[Cluster]:
    with copied(web_template, tmp_path_factory.mktemp("many")) as cluster:
        cluster.devices.add(DeviceSpec(f"SEP{at:012X}", "7940" if at % 100 == 0 else "7975") for at in range(1, 40_000))
        yield cluster


def sheet(cluster: Cluster, **asked: str) -> Sheet:
    with cluster.database.read() as session:
        return PHONES.of_database(session, QUERY, "/phones", asked)


def test_forty_thousand_rows_cost_a_page_no_more_than_a_few(many: Cluster) -> None:
    sheet(many)
    sheets: list[Sheet] = []
    assert effort(lambda: sheets.append(sheet(many, name="0000000001", sort="-model", page="2", size="50"))) < 50
    (found,) = sheets
    assert (found.number, found.first, found.last) == (2, 51, 100)
    assert found.of == 40_003
    assert all("0000000001" in row.name for row in found.rows)


def test_what_an_address_gets_wrong_is_put_right(many: Cluster) -> None:
    whole = sheet(many)
    wrong = sheet(many, sort="password", page="999999999", size="7", model="nonsense")
    assert (wrong.sort, wrong.number, wrong.size, wrong.given) == ("name", whole.pages, 25, {})
    assert sheet(many, page="-1").number == 1
    assert sheet(many, name="%").total == 0
    assert sheet(many, name="' OR 1=1 --").total == 0


def test_pages_have_every_row_once(many: Cluster) -> None:
    asked = {"model": "7940", "sort": "model", "size": "100"}
    pages = [sheet(many, **asked, page=str(at)) for at in range(1, 5)]
    names = [row.name for each in pages for row in each.rows]
    assert len(names) == len(set(names)) == pages[0].total == 399


def test_the_address_keeps_everything(many: Cluster) -> None:
    found = sheet(many, model="7940", outcome="frozen", page="2")
    assert found.address() == "/phones?outcome=frozen&model=7940&sort=name&page=2"
    assert found.sorted_by(PHONES.columns[0]) == "/phones?outcome=frozen&model=7940&sort=-name"
    assert found.csv == "/phones?outcome=frozen&model=7940&sort=name&format=csv"


def test_the_csv_has_all_rows_and_no_formula(many: Cluster) -> None:
    with many.database.read() as session:
        rows = PHONES.csv_of_database(session, QUERY, {"model": "7940"})
        text = b"".join(Csv("phones", PHONES.header, rows).pieces()).decode()
    assert len(text.splitlines()) == 400
    harmless = b"".join(Csv("x", ["a"], [["=cmd()"], ["@x"], [-5], [None]]).pieces()).decode()
    assert harmless.splitlines() == ["a", "'=cmd()", "'@x", "-5", '""']


def test_rows_in_memory_have_the_same_table() -> None:
    table = Table(
        "words",
        (Column("word", "Word", value=lambda row: row), Column("length", "Length", value=len, number=True)),
        (Filter("word", "Word", test=lambda row, text: text in row),),
        sort="-length",
    )
    found = table.of_rows(["a", "bbb", "cc", "abc"], "/words", {"word": "a"})
    assert (list(found.rows), found.total, found.of) == (["abc", "a"], 2, 4)
    assert list(table.csv_of_rows(["cc", "a"], {"sort": "word"})) == [["a", 1], ["cc", 2]]


def test_a_form_is_what_the_operation_says(many: Cluster) -> None:
    control = Control(many)
    form = operation_form(control, "set parameter", values={"name": "CAPFPhonePort"}, hidden=("name",))
    assert [(each.name, each.kind, each.required) for each in form.fields] == [
        ("name", "hidden", True), ("value", "text", True), ("node", "text", False),
    ]  # fmt: skip
    assert form.take({"name": "CAPFPhonePort"})["value"] == ""
    assert form.fields[1].error == "Fill this in."
    right = operation_form(control, "set parameter")
    given = {"name": "CAPFPhonePort", "value": "3805", "node": ""}
    right.take(given)
    assert right.is_right
    operation = control.operation("set parameter", right.document(given))
    assert (operation.title, getattr(operation, "value", "")) == ("set parameter", "3805")
    right.refuse(UsageError("it is wrong", where="value", next_step="use 1 to 65535"))
    assert "use 1 to 65535" in right.fields[1].error
    right.refuse(UsageError("somebody else changes the cluster"))
    assert right.error == "somebody else changes the cluster"


@pytest.mark.parametrize("odd", ["²", "--5", "9" * 5000, "1_0", "\N{ARABIC-INDIC DIGIT THREE}"])
def test_what_only_looks_like_a_number_stays_text(odd: str) -> None:
    form = Form([Field("index", "Place")], types={"index": "integer"})
    assert form.document({"index": odd}) == {"index": odd}
    assert form.document({"index": " -5 "}) == {"index": -5}
    assert whole_number(odd, -1) == -1


def test_every_operation_has_a_form(many: Cluster) -> None:
    from mixedmode.cluster.operations import OPERATIONS

    for title in OPERATIONS:
        form = operation_form(Control(many), title)
        assert all(each.label for each in form.fields)

"""Numbers for the inventory: what a file may hold, looking at it first, loading it once."""

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import timezone

from console.core.models import AuditEvent
from subaccounts.management.commands.load_numbers import SAMPLE
from subaccounts.models import InventoryNumber, InventoryUpload
from subaccounts.services import inventory as services
from subaccounts.services.inventory_lines import COLUMNS, FileRefused, read_lines
from tests.subaccounts.stock import make_stock, owner_of, pay, rent

HEAD = ",".join(COLUMNS)
GOOD = "12125550100,US,local,New York,New York,voice+sms,0.80000,0,0.00850,0,0,Patchbay"


def lines(*rows, head=HEAD):
    return list(read_lines(io.StringIO("\n".join([head, *rows])), is_sample=False))


def changed(**cells):
    known = dict(zip(COLUMNS, GOOD.split(","), strict=True)) | cells
    return ",".join(known.values())


def test_good_line_is_a_number():
    (line,) = lines(GOOD)
    number = line.number
    assert (number.number, number.country_iso, number.services) == ("12125550100", "US", ("voice", "sms"))
    assert number.monthly_amount == Decimal("0.8")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (changed(number="+12125550100"), ""),
        (changed(number="123"), "7 to 15 digits"),
        (changed(number="\u0661\u0662\u0663\u0664\u0665\u0666\u0667"), "7 to 15 digits"),
        (changed(number="31201234567"), "does not begin with 1"),
        (changed(country_iso="us"), "two capitals"),
        (changed(country_iso="ZZ"), "two capitals"),
        (changed(number_type="premium"), "number_type"),
        (changed(services=""), "services"),
        (changed(services="voice+fax"), "services"),
        (changed(monthly_rate="-1"), "monthly_rate"),
        (changed(monthly_rate="NaN"), "monthly_rate"),
        (changed(monthly_rate="0.000001"), "monthly_rate"),
        (changed(setup_rate="1e9"), "setup_rate"),
        (changed(city="x" * 81), "city"),
        (changed(city="=1\u202e"), "city"),
        (GOOD + ",more", "13 columns"),
        ("x" * 5000, "columns"),
        ('"12125550100', "quotes"),
    ],
)
def test_each_line_is_judged_by_itself(row, reason):
    found = lines(row)[0]
    assert reason in found.reason
    assert bool(found.number) is not bool(reason)


def test_file_with_other_columns_is_refused():
    with pytest.raises(FileRefused, match="Missing: carrier"):
        lines(GOOD, head=HEAD.removesuffix(",carrier"))
    with pytest.raises(FileRefused):
        list(read_lines(io.StringIO(""), is_sample=False))


def test_looking_changes_nothing_and_says_what_loading_would_do(cast):
    make_stock("12125550101")
    pay(cast.account, 5)
    rent(owner_of(cast.account), "12125550102")
    rows = [changed(number=f"1212555010{turn}") for turn in range(3)]
    text = "\n".join([HEAD, *rows, rows[0], "", changed(number="1")])
    report = services.look_at(io.StringIO(text), is_sample=False)
    assert (report.new, report.changed, report.refused) == (1, 1, 2)
    assert [line.reason[:9] for line in report.refusals] == ["is rented", "number mu"]
    assert InventoryNumber.objects.count() == 2


def admin_upload(client, text, **fields):
    file = SimpleUploadedFile("numbers.csv", text.encode() if isinstance(text, str) else text)
    values = {"file": file, "reason": "New range"} | fields
    return client.post(reverse("admin:subaccounts_inventoryupload_add"), values)


def test_staff_upload_look_and_load(client, cast):
    cast.sign_in(client, "staff")
    free = make_stock("12125550100", monthly_amount=2)
    response = admin_upload(
        client, f"{HEAD}\n{GOOD}\n{changed(number='12125550199')}\nbroken\n", is_sample="on"
    )
    upload = InventoryUpload.objects.get()
    address = reverse("admin:subaccounts_inventoryupload_change", args=[upload.pk])
    assert (response.status_code, response["Location"]) == (302, address)
    page = client.get(address).content.decode()
    assert "1 new, 1 change a free number, 1 refused" in page
    assert "Line 4: has 1 columns, not 12." in page
    assert InventoryNumber.objects.count() == 1
    for _ in range(2):
        client.post(address, {"decision": "load"})
    upload.refresh_from_db()
    assert (upload.state, upload.text, upload.decided_by) == ("loaded", "", cast.staff)
    free.refresh_from_db()
    assert (free.monthly_amount, free.is_sample) == (Decimal("0.8"), True)
    assert InventoryNumber.objects.count() == 2
    assert AuditEvent.objects.filter(kind__startswith="inventory:").count() == 2
    assert client.get(address).status_code == 200


def test_staff_throw_a_file_away(client, cast):
    cast.sign_in(client, "staff")
    admin_upload(client, f"{HEAD}\n{GOOD}")
    upload = InventoryUpload.objects.get()
    client.post(
        reverse("admin:subaccounts_inventoryupload_change", args=[upload.pk]), {"decision": "discard"}
    )
    upload.refresh_from_db()
    assert upload.state == "discarded"
    assert not InventoryNumber.objects.exists()
    assert AuditEvent.objects.filter(kind="inventory:discarded").exists()


@pytest.mark.parametrize("text", [b"\xff\xfe", "a,b\n", f"{HEAD}\n\x00"])
def test_file_that_is_no_csv_of_numbers_is_refused(client, cast, text):
    cast.sign_in(client, "staff")
    assert admin_upload(client, text).status_code == 200
    assert not InventoryUpload.objects.exists()


def test_inventory_is_closed_to_customers(client, cast):
    cast.sign_in(client, "owner")
    assert admin_upload(client, HEAD).status_code in {302, 404}
    assert not InventoryUpload.objects.exists()


def test_sample_is_whole_and_marked(db):
    for _ in range(2):
        call_command("load_numbers", stdout=io.StringIO(), stderr=io.StringIO())
    with Path(SAMPLE).open() as file:
        assert InventoryNumber.objects.filter(is_sample=True).count() == sum(1 for _ in file) - 1
    assert InventoryNumber.objects.values("country_iso").distinct().count() == 8


def test_command_checks_a_file_without_loading(db, tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text(f"{HEAD}\n{GOOD}\nbroken\n" + "x" * 10_000)
    out, errors = io.StringIO(), io.StringIO()
    call_command("load_numbers", str(path), check=True, stdout=out, stderr=errors)
    assert "1 numbers would be new" in out.getvalue()
    assert "Line 3: has 1 columns" in errors.getvalue()
    assert not InventoryNumber.objects.exists()
    with pytest.raises(CommandError):
        call_command("load_numbers", str(tmp_path / "none.csv"))


def test_number_that_rests_keeps_its_rest_when_loaded_again(db):
    resting = make_stock("12125550100", free_at=timezone.now() + timedelta(days=9))
    services.load_file(source=[HEAD + "\n", GOOD + "\n"], name="again", is_sample=False, now=timezone.now())
    before = resting.free_at
    resting.refresh_from_db()
    assert resting.free_at == before

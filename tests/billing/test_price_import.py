"""Staff load a file, look at what it changes, and publish it in time; accounts are told once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from billing import services
from billing.models import Price, PriceImport, PriceList, PriceNotice
from billing.services.price_file import read_prices
from billing.services.price_notices import plan_notices, tell_notices
from billing.services.prices import compare
from console.core.access import AccessRefused, Actor
from console.core.events import EventKind
from console.core.models import AuditEvent
from tests.billing.price_lists import GERMANY, price_file, publish
from tests.subaccounts.usage_steps import append, make_row
from tests.work import do_work, mails_to

STAFF = Actor(kind="staff")
DEARER = (*GERMANY[1][:-1], "0.01960")
CHEAPER = (*GERMANY[3][:-1], "0.02000")


def _load(*lines, days=40, account=None, text=None):
    now = timezone.now()
    return services.load_prices(
        actor=STAFF, account=account, name="Spring list", effective_on=(now + timedelta(days=days)).date(),
        file_name="spring.csv", text=text or price_file(*lines), now=now,
    )  # fmt: skip


def _publish(loaded):
    return services.publish_prices(actor=STAFF, public_id=loaded.public_id, now=timezone.now())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (("fax", "DE", "outbound", "local", "49", "", "", "1"), "service is voice"),
        (("voice", "DE", "rental", "local", "", "", "", "1"), "direction of voice"),
        (("voice", "ZZ", "outbound", "local", "49", "", "", "1"), "no country code"),
        (("voice", "DE", "outbound", "satellite", "49", "", "", "1"), "number_type is one of"),
        (("number", "DE", "rental", "ip", "", "", "", "1"), "number_type is one of"),
        (("message", "DE", "outbound", "local", "", "", "", "1"), "messages have no number type"),
        (("voice", "DE", "outbound", "local", "", "", "", "1"), "prefix is 1 to 15 digits"),
        (("voice", "DE", "outbound", "local", "33", "", "", "1"), "does not begin with the dial code 49"),
        (("voice", "DE", "outbound", "local", "4९", "", "", "1"), "prefix is 1 to 15 digits"),
        (("voice", "DE", "inbound", "local", "49", "", "", "1"), "only calls out"),
        (("message", "DE", "inbound", "", "", "Telekom", "", "1"), "only messages out"),
        (("voice", "DE", "outbound", "local", "49", "", "x" * 81, "1"), "at most 80"),
        (("voice", "DE", "outbound", "local", "49", "", "\u202eevil", "1"), "letters, digits"),
        (("voice", "DE", "outbound", "local", "49", "", "", "-1"), "rate_usd is like"),
        (("voice", "DE", "outbound", "local", "49", "", "", "0.000001"), "rate_usd is like"),
        (("voice", "DE", "outbound", "local", "49", "", "", "1e3"), "rate_usd is like"),
        (("voice", "DE", "outbound", "local", "49"), "8 columns are wanted"),
    ],
)
def test_line_is_refused_with_its_number_and_reason(line, reason):
    lines, refused = read_prices(price_file(GERMANY[0], line))
    assert [each.number for each in lines] == [2]
    assert [each.number for each in refused] == [3]
    assert reason in str(refused[0])


def test_file_is_refused_without_its_columns_or_lines_and_for_a_repetition():
    assert "the columns must be" in str(read_prices("a,b\r\n")[1][0])
    assert "no price in the file" in str(read_prices(price_file())[1][0])
    assert "priced on line 2" in str(read_prices(price_file(GERMANY[1], GERMANY[1]))[1][0])
    assert "not CSV" in str(read_prices(price_file() + '"open')[1][0])


def test_prefix_of_another_country_is_refused(db):
    publish([("voice", "CA", "outbound", "local", "1204", "", "", "1")])
    with pytest.raises(services.PricesRefused) as error:
        _load(("voice", "US", "outbound", "local", "1204", "", "", "1"))
    assert str(error.value.lines[0]) == "Line 2: prefix 1204 belongs to CA"


def test_comparison_says_what_would_count_before_and_after(db):
    publish()
    fresh = ("voice", "DE", "outbound", "mobile", "491511", "", "", "0.02460")
    found = compare(_load(DEARER, CHEAPER, GERMANY[0], fresh, (*GERMANY[4][:-1], "")))
    changes = {change.line.prefix: (change.before, change.after, change.percent) for change in found.changes}
    assert changes == {
        "49": (Decimal("0.00980"), Decimal("0.01960"), Decimal("100.0")),
        "491512": (Decimal("0.02140"), Decimal("0.02000"), Decimal("-6.5")),
        # The price taken back falls to that of the shorter prefix, which goes up as well.
        "49800": (Decimal("0.00400"), Decimal("0.01960"), Decimal("390.0")),
    }
    assert (found.same, found.increases, found.countries) == (2, 2, ["DE"])


def test_increase_needs_thirty_days_and_nothing_counts_from_the_past(db):
    publish()
    for lines, days in (
        ((DEARER,), 29),
        (((*GERMANY[9][:-1], "0.00001"),), 5),
        (((*GERMANY[10][:-1], ""),), 5),
        ((CHEAPER,), -1),
    ):
        with pytest.raises(services.PricesRefused, match="or later"):
            _publish(_load(*lines, days=days))
    assert PriceList.objects.count() == 1
    assert _publish(_load(CHEAPER, days=2)).prices.count() == 1
    loaded = _load(DEARER, days=32)
    assert _publish(loaded) == _publish(loaded)
    assert AuditEvent.objects.filter(kind=EventKind.PRICES_PUBLISHED, chain="staff").count() == 2


def test_only_staff_load_and_publish(db, cast):
    actor = Actor.system(cast.account)
    with pytest.raises(AccessRefused):
        services.publish_prices(actor=actor, public_id=_load(CHEAPER).public_id, now=timezone.now())
    with pytest.raises(AccessRefused):
        services.load_prices(
            actor=actor, account=None, name="x", effective_on=None, file_name="", text="", now=None
        )


def _use(account, **fields):
    first = (timezone.now().replace(day=1) - timedelta(days=1)).replace(day=3)
    append(make_row(account, country="DE", at=first, **fields))


def test_accounts_that_used_the_country_are_told_once_what_it_would_have_cost(db, cast):
    publish()
    _use(cast.account, units=10, to_number="+4930123456")
    _use(cast.account, units=7, to_number="+49151234567")
    _use(cast.account, units=3, to_number="+4915123", kind="message")
    append(make_row(cast.other_account, country="NL"))
    published = _publish(_load(DEARER))
    do_work()
    tell_notices(now=timezone.now())
    assert plan_notices(published=published, now=timezone.now()) == 0
    assert tell_notices(now=timezone.now()) == 0
    notice = PriceNotice.unscoped.get()
    assert (notice.account, notice.countries, notice.impact) == (cast.account, "DE", Decimal("0.09800"))
    sent = mails_to("olivia@halyard.example")
    assert [mail.subject for mail in sent] == [f"Prices change on {published.effective_at:%-d %B %Y}"]
    assert "changed your last month by $0.10: that much more" in sent[0].body.replace("\n", " ")
    assert len(mails_to("admin@halyard.example")) == 1
    assert mails_to("developer@halyard.example") == mails_to("otto@elsewhere.example") == []


def test_contract_concerns_its_account_alone(db, cast):
    publish()
    _use(cast.account, to_number="+4930123456", units=100)
    _use(cast.other_account, to_number="+4930123456", units=100)
    _publish(_load((*GERMANY[1][:-1], "0.00880"), account=cast.account, days=3))
    do_work()
    notice = PriceNotice.unscoped.get()
    assert (notice.account, notice.impact) == (cast.account, Decimal("-0.10000"))
    assert AuditEvent.objects.get(kind=EventKind.PRICES_PUBLISHED).account_id == cast.account.pk


# --- The admin and the command


def _upload(client, text, *, days=40):
    day = (timezone.now() + timedelta(days=days)).date()
    file = SimpleUploadedFile("spring.csv", text if isinstance(text, bytes) else text.encode(), "text/csv")
    values = {"name": "Spring list", "account": "", "effective_on": str(day), "file": file}
    return client.post(reverse("admin:billing_priceimport_add"), values)


def test_staff_upload_compare_and_publish(client, cast):
    publish()
    _use(cast.account, units=10, to_number="+4930123456")
    cast.sign_in(client, "staff")
    response = _upload(client, price_file(DEARER))
    loaded = PriceImport.objects.get()
    address = reverse("admin:billing_priceimport_change", args=[loaded.pk])
    assert response["Location"] == address
    page = client.get(address).content.decode()
    assert "DE voice outbound local 49: 0.00980 → 0.01960 (+100.0%)" in page
    assert "May be published: 1 rates go up or end." in page
    assert f"{cast.account.auth_id} Halyard Logistics: $0.09800 (DE)" in page
    assert PriceList.objects.count() == 1
    for _ in range(2):
        client.post(address, {"publish": "on"})
    assert PriceList.objects.count() == 2
    assert Price.objects.filter(price_list__name="Spring list").count() == 1
    assert "accounts were told" in client.get(address).content.decode()
    assert client.get(reverse("admin:billing_pricelist_changelist")).status_code == 200


def test_staff_see_why_a_file_is_refused_or_comes_too_late(client, cast):
    publish()
    cast.sign_in(client, "staff")
    bad = _upload(client, price_file(GERMANY[0], ("voice", "ZZ", "outbound", "local", "49", "", "", "1")))
    assert "Line 3: &#x27;ZZ&#x27; is no country code" in bad.content.decode()
    assert "The file is not UTF-8." in _upload(client, b"\xff\xfe").content.decode()
    assert not PriceImport.objects.exists()
    _upload(client, price_file(DEARER), days=10)
    address = reverse("admin:billing_priceimport_change", args=[PriceImport.objects.get().pk])
    client.post(address, {"publish": "on"})
    assert "or later: 1 rates go up or end." in client.get(address).content.decode()
    assert PriceList.objects.count() == 1


def test_command_compares_and_publishes(db, cast, tmp_path, capsys):
    publish()
    file = tmp_path / "prices.csv"
    file.write_text(price_file(DEARER, GERMANY[0]))
    day = str((timezone.now() + timedelta(days=40)).date())
    words = [str(file), "--name", "Spring list", "--on", day]
    call_command("import_prices", *words)
    assert "1 change in 1 countries, 1 go up or end, 1 stay as they are." in capsys.readouterr().out
    assert PriceList.objects.count() == 1
    call_command("import_prices", *words, "--publish", "--account", cast.account.auth_id)
    assert PriceList.objects.get(account=cast.account).prices.count() == 2
    for more in (["--account", "MA0"], ["--publish", "--on", "2020-01-01"]):
        with pytest.raises(CommandError):
            call_command("import_prices", *words, *more)
    file.write_text(price_file(("voice", "ZZ", "outbound", "local", "49", "", "", "1")))
    with pytest.raises(CommandError):
        call_command("import_prices", *words)
    assert "Line 2:" in capsys.readouterr().err

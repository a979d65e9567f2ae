"""Pricing pages and their files: search, dates, contracts, and one source for all."""

import csv
import html
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO

import phonenumbers
import pytest
from django.urls import reverse
from django.utils import timezone

from billing.countries import countries, find_countries
from billing.management.commands.load_sample_prices import sample_text
from billing.queries import price_sheets
from billing.queries.prices import books_of
from billing.services.prices import load_sample
from console.core.events import EventKind
from console.core.models import AuditEvent
from console.core.templatetags.ui import rate as shown_rate
from tests.accounts.api_caller import Api
from tests.billing.price_lists import GERMANY, LONG_AGO, publish
from tests.factories import make_token

CONTRACT = [("voice", "DE", "outbound", "mobile", "491512", "", "Mobile, Telekom", "0.01000")]


@pytest.fixture
def page(client, cast):
    cast.sign_in(client, "developer")

    def get(query="", sheet="voice"):
        address = reverse(f"billing:price_{sheet}", kwargs={"account": cast.account.auth_id})
        response = client.get(f"{address}?{query}")
        return response, html.unescape(response.content.decode())

    return get


def _file(client, cast, query="", sheet="voice"):
    address = reverse("billing:price_csv", kwargs={"account": cast.account.auth_id, "sheet": sheet})
    return client.get(f"{address}?{query}")


def _read(response):
    return list(csv.reader(StringIO(b"".join(response.streaming_content).decode(), newline="")))


@pytest.mark.parametrize(
    ("words", "found"),
    [("germany", ["DE"]), ("de", ["DE"]), ("49", ["DE"]), ("+49", ["DE"]), ("1242", ["BS"]), ("Côte", ["CI"]),
     ("7", ["RU", "KZ"]), ("niger", ["NE"]), ("Xanadu", []), ("999", []), ("²", [])],
)  # fmt: skip
def test_country_is_found_by_name_code_and_dial_code(words, found):
    assert [country.iso for country in find_countries(words)] == found


def test_every_country_of_iso_is_there():
    assert len(countries()) == 250
    assert all(country.dial_code for country in countries().values())


def test_page_shows_rates_in_force_with_changes_to_come(page, cast):
    publish()
    soon = timezone.now() + timedelta(days=40)
    publish([(*GERMANY[1][:-1], "0.01078"), (*GERMANY[2][:-1], "")], at=soon)
    publish(CONTRACT, account=cast.account)
    publish([(*GERMANY[3][:-1], "0.99999")], account=cast.other_account)
    response, text = page("country=germany")
    assert response.status_code == 200
    assert "$0.00980" in text
    assert "$0.01078, up 10.0%" in text
    assert "Ends" in text
    assert "$0.01000" in text
    assert "Yours, a minute" in text
    assert "Contract" in text
    assert "$0.99999" not in text
    assert "Sample price list" not in text
    assert "3 have changes announced" not in text
    assert "2 have changes announced" in text


def test_page_of_another_day_has_the_rates_of_that_day(page):
    publish()
    publish([(*GERMANY[1][:-1], "0.01078")], at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "$0.00980" in page("country=DE&on=2025-12-31")[1]
    assert "$0.01078" in page("country=DE&on=2026-01-01")[1]
    assert "No calls go to this country" in page("country=DE&on=2019-12-31")[1]


def test_number_finds_country_and_prefix(page):
    publish()
    text = page("number=%2B49 1512 3456789")[1]
    assert "Germany" in text
    assert "matches prefix" in text
    assert "$0.02140 a minute" in text
    assert "No price is known for" in page("number=81312345678")[1]


def test_words_find_prefixes_destinations_and_networks(page):
    publish()
    text = page("country=DE&words=telekom")[1]
    assert "491512" in text
    assert "$0.00980" not in text
    assert "$0.02460" in page("country=DE&words=4915")[1]
    assert "$0.00980" in page("country=DE&words=4930")[1]
    assert "No destination has" in page("country=DE&words=nowhere")[1]
    assert "$0.08420" in page("country=DE&words=telekom", "messaging")[1]


def test_messaging_page_and_choices_and_refusals(page):
    publish(is_sample=True)
    text = page("country=DE", "messaging")[1]
    assert "Any other network" in text
    assert "Free" in text
    assert "Sample price list" in text
    assert "26 countries match" in page("country=1")[1]
    assert "Pick a country" in page()[1]
    for query in (
        "country=Xanadu",
        "number=abc",
        "on=yesterday",
        "on=0001-01-01",
        "country=%00",
        "words=" + "x" * 99,
    ):
        assert page(query)[0].status_code == 422


def test_file_of_a_country_has_the_documented_columns_and_crlf(client, cast):
    publish(is_sample=True)
    cast.sign_in(client, "analyst")
    response = _file(client, cast, "country=DE")
    assert re.search(r'filename="sample-voice-prices-DE-[\d-]+\.csv"', response["Content-Disposition"])
    body = b"".join(response.streaming_content)
    assert body.startswith(
        b"country_iso,country,direction,number_type,prefix,origination_prefix,rate_usd_per_minute\r\n"
        b"DE,Germany,outbound,ip,,,0.00300\r\n"
        b"DE,Germany,outbound,local,49,,0.00980\r\n"
    )
    assert body.endswith(b"DE,Germany,inbound,local,,,0.00450\r\n")
    assert _read(_file(client, cast, "country=DE", "messaging"))[:3] == [
        ["country_iso", "country", "direction", "network_group", "rate_usd_per_segment"],
        ["DE", "Germany", "outbound", "", "0.08900"],
        ["DE", "Germany", "outbound", "Telekom", "0.08420"],
    ]
    assert _file(client, cast, "country=ZZ").status_code == 404
    assert _file(client, cast, sheet="gold").status_code == 404


def test_files_are_counted(client, cast, monkeypatch):
    from billing.services import price_export
    from console.core.ratelimit import Limit

    monkeypatch.setattr(price_export, "_FILES", Limit("price-file", 1, 3600))
    cast.sign_in(client, "owner")
    assert _file(client, cast).status_code == 200
    assert _file(client, cast).status_code == 429


def test_page_file_and_api_say_the_same_of_every_country(client, cast, monkeypatch):
    now = timezone.now()
    assert load_sample(text=_sample(), at=LONG_AGO, now=now).is_sample
    assert load_sample(text=_sample(), at=LONG_AGO, now=now) is None
    assert AuditEvent.objects.get(kind=EventKind.PRICES_PUBLISHED).data["voice"] > 5000
    publish(CONTRACT, account=cast.account)
    cast.sign_in(client, "owner")
    api = Api(cast.account.auth_id, make_token(cast.account)[1])
    voice, texts, rents = (
        _by_country(_read(_file(client, cast, sheet=each))) for each in price_sheets.COLUMNS
    )
    assert set(voice) == set(countries())
    books = {book.country.iso: book for book in books_of(cast.account, at=now)}
    for iso in countries():
        body = price_sheets.api_object(books[iso])
        lines = voice[iso]
        assert _flat(body) == {tuple(line[4:]) for line in lines if line[2] == "outbound" and line[4]}
        assert _ends(body["voice"]["outbound"], ["ip"]) == _of(lines, "outbound", "ip")
        assert _ends(body["voice"]["inbound"], list(body["voice"]["inbound"])) == _of(lines, "inbound")
        assert {kind: rate["rate"] for kind, rate in body["phone_numbers"].items()} == {
            line[2]: line[3] for line in rents.get(iso, [])
        }
        groups = body["message"]["outbound_networks_list"]
        named = {
            (each["group_name"].removeprefix(f"{books[iso].country.name} - "), each["rate"])
            for each in groups
        }
        assert named == {(line[3], line[4]) for line in texts.get(iso, []) if line[3]}
        rows = price_sheets.rows_of(books[iso], "voice", "outbound")
        assert {(prefix, "", f"{row.own:.5f}") for row in rows for prefix in row.prefixes} == _flat(body)
    for iso in ("DE", "CA", "BV"):
        answer = api.ask(path=f"/v1/Account/{api.auth_id}/Pricing/?country_iso={iso}").json()
        assert {name: answer[name] for name in answer if name != "api_id"} == price_sheets.api_object(
            books[iso]
        )
        text = html.unescape(
            client.get(
                reverse("billing:price_voice", kwargs={"account": cast.account.auth_id}) + f"?country={iso}"
            ).content.decode()
        )
        assert [line for line in voice[iso] if shown_rate(line[6]) not in text or line[4] not in text] == []


def _by_country(rows):
    found = {}
    for row in rows[1:]:
        found.setdefault(row[0], []).append(row)
    return found


def _flat(body):
    return {
        (prefix, "", each["rate"]) for each in body["voice"]["outbound"]["rates"] for prefix in each["prefix"]
    }


def _ends(part, kinds):
    return {kind: part[kind]["rate"] for kind in kinds if part[kind]["rate"] is not None}


def _of(lines, direction, kind=None):
    return {
        line[3]: line[6] for line in lines if line[2] == direction and not line[4] and kind in {None, line[3]}
    }


@cache
def _sample():
    return sample_text()


def test_sample_gives_numbers_of_every_country_to_that_country():
    prefixes = {line[4]: line[1] for line in csv.reader(StringIO(_sample())) if line[4]}
    wrong = []
    for country in countries().values():
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            example = phonenumbers.example_number_for_type(country.iso, kind) if country.has_numbers else None
            if example and phonenumbers.region_code_for_number(example) == country.iso:
                digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
                owner = next(
                    prefixes[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in prefixes
                )
                wrong += [(country.iso, digits, owner)] if owner != country.iso else []
    assert wrong == []

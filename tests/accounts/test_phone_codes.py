"""Phone codes: bound to purpose, number and sign-in, few and short-lived, one success under any concurrency."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import PhoneCode, PhonePrefixRule, User
from accounts.services import (
    CodeExpired,
    CodeNotSent,
    CodeSpent,
    WrongCode,
    check_phone_code,
    request_phone_code,
    seconds_to_wait,
)
from console.core.errors import TooManyRequests
from console.core.events import EventKind
from console.core.models import AuditEvent, OutgoingText, RateBucket
from console.core.requests import Origin
from console.devinbox.models import DevMessage
from tests.factories import make_user
from tests.work import do_work, newest_code

NUMBER = "+31612345678"
VERIFY, SIGN_IN = PhoneCode.Purpose.VERIFY, PhoneCode.Purpose.SIGN_IN
BINDING = "binding-one"


@pytest.fixture
def user(db: None) -> User:
    """Return a person."""
    return make_user()


def ask(user: User, *, now: datetime | None = None, ip: str = "203.0.113.9", **changes: Any) -> PhoneCode:
    """Ask for a code."""
    values = {"purpose": VERIFY, "number": NUMBER, "channel": "sms", "binding": BINDING} | changes
    return request_phone_code(user=user, origin=Origin(ip=ip), now=now or timezone.now(), **values)


def check(user: User, code: str, *, now: datetime | None = None, **changes: Any) -> PhoneCode:
    """Check a code."""
    values = {"purpose": VERIFY, "binding": BINDING} | changes
    return check_phone_code(user=user, code=code, now=now or timezone.now(), **values)


def wrong(code: str) -> str:
    """Return another code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_text_holds_the_code_and_its_terms(user: User) -> None:
    ask(user)
    code = newest_code(NUMBER)
    text = DevMessage.objects.get(channel="sms").text
    assert text == (
        f"{code} is your Patchbay code. It works for 10 minutes. Nobody from Patchbay will ask for it."
    )
    row = check(user, f"{code[:3]} {code[3:]}")
    assert row.number == NUMBER
    assert row.ended_at


def test_only_a_digest_is_kept(user: User) -> None:
    row = ask(user)
    code = newest_code()
    assert code.encode() not in bytes(row.digest)
    event = AuditEvent.objects.get(kind=EventKind.PHONE_CODE_REQUESTED)
    assert code not in str(event.data)
    assert NUMBER not in str(event.data)
    assert OutgoingText.objects.get().sealed is None


def test_code_works_once(user: User) -> None:
    ask(user)
    code = newest_code()
    check(user, code)
    with pytest.raises(CodeSpent):
        check(user, code)


@pytest.mark.parametrize(
    "changes", [{"purpose": SIGN_IN}, {"binding": "another"}, {"number": "+31687654321"}], ids=str
)
def test_code_works_nowhere_else(user: User, changes: dict[str, Any]) -> None:
    ask(user)
    code = newest_code()
    with pytest.raises(CodeSpent):
        check(user, code, **changes)
    check(user, code, number=NUMBER)


def test_code_of_another_user_is_wrong(user: User) -> None:
    ask(user)
    code = newest_code()
    with pytest.raises(CodeSpent):
        check(make_user(), code)


def test_code_ends_after_ten_minutes(user: User) -> None:
    now = timezone.now()
    ask(user, now=now)
    code = newest_code()
    with pytest.raises(CodeExpired):
        check(user, code, now=now + timedelta(minutes=10))
    with pytest.raises(CodeSpent):
        check(user, code, now=now)


def test_fifth_wrong_try_ends_the_code(user: User) -> None:
    ask(user)
    code = newest_code()
    for left in (4, 3, 2, 1):
        with pytest.raises(WrongCode) as caught:
            check(user, wrong(code))
        assert caught.value.tries_left == left
    with pytest.raises(CodeSpent):
        check(user, wrong(code))
    with pytest.raises(CodeSpent):
        check(user, code)


@pytest.mark.parametrize("text", ["", "abcdef", "12345", "١٢٣٤٥٦", "1" * 10_000, "\0"])
def test_nonsense_is_a_wrong_code(user: User, text: str) -> None:
    ask(user)
    with pytest.raises(WrongCode):
        check(user, text)


def test_new_code_ends_the_old_one(user: User) -> None:
    now = timezone.now()
    ask(user, now=now)
    old = newest_code()
    ask(user, now=now + timedelta(seconds=31))
    new = newest_code()
    assert PhoneCode.objects.filter(ended_at=None).count() == 1
    if old != new:
        with pytest.raises(WrongCode):
            check(user, old)
    check(user, new)


def test_next_text_and_call_wait_thirty_seconds(user: User) -> None:
    now = timezone.now()
    with pytest.raises(CodeNotSent):
        ask(user, channel="voice", now=now)
    ask(user, now=now)
    for channel in ("sms", "voice"):
        with pytest.raises(TooManyRequests) as caught:
            ask(user, channel=channel, now=now + timedelta(seconds=10))
        assert caught.value.retry_after == 20
    assert seconds_to_wait(user=user, purpose=VERIFY, binding=BINDING, now=now + timedelta(seconds=10)) == 20
    row = ask(user, channel="voice", now=now + timedelta(seconds=30))
    assert row.channel == "voice"
    do_work()
    spoken = DevMessage.objects.get(channel="voice")
    assert ", ".join(spoken.code) in spoken.text
    check(user, spoken.code)


def test_fixed_line_is_called_at_once(user: User) -> None:
    row = ask(user, number="+31201234567")
    assert row.channel == "voice"


@pytest.mark.parametrize("number", ["+31900123456", "+8835100012345", "+442012", "hello", "+31850123456"])
def test_refused_kinds_get_no_code(user: User, number: str) -> None:
    with pytest.raises(CodeNotSent):
        ask(user, number=number)
    assert not OutgoingText.objects.exists()


def test_blocked_prefix_gets_no_code(user: User) -> None:
    PhonePrefixRule.objects.create(prefix="+316123", reason="Pumping")
    with pytest.raises(CodeNotSent) as caught:
        ask(user)
    assert caught.value.code == "blocked"
    ask(user, number="+31687654321")


LIMITS = {
    "CONSOLE_CODES_PER_NUMBER_HOUR": {"user": True, "ip": True, "binding": True},
    "CONSOLE_CODES_PER_USER_HOUR": {"number": True, "ip": True},
    "CONSOLE_CODES_PER_ADDRESS_HOUR": {"user": True, "number": True},
    "CONSOLE_CODES_PER_COUNTRY_HOUR": {"user": True, "number": True, "ip": True},
}


@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_holds_alone(user: User, settings: Any, limit: str) -> None:
    setattr(settings, limit, 3)
    varied, now = LIMITS[limit], timezone.now()

    def ask_as(at: int, **fixed: Any) -> None:
        who = make_user() if varied.get("user") else user
        values = {
            "number": f"+3161234560{at}" if varied.get("number") else NUMBER,
            "ip": f"198.51.{at}.1" if varied.get("ip") else "203.0.113.9",
            "binding": f"binding-{at}",
        }
        ask(who, now=now, **(values | fixed))

    for at in range(3):
        ask_as(at)
    with pytest.raises(TooManyRequests):
        ask_as(3)
    assert PhoneCode.objects.count() == 3
    if varied.get("number") and limit.endswith("COUNTRY_HOUR"):
        ask_as(4, number="+491711234567")


def test_ceiling_stops_a_fleet_and_raises_an_alarm(db: None, settings: Any, caplog: Any) -> None:
    settings.CONSOLE_CODES_CEILING_HOUR = 4
    numbers = ["+31612345601", "+491711234567", "+33612345678", "+447400123456", "+34612345678"]
    for at, number in enumerate(numbers[:4]):
        ask(make_user(), number=number, ip=f"198.51.{at}.1")
    with pytest.raises(TooManyRequests):
        ask(make_user(), number=numbers[4], ip="198.51.99.1")
    assert [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert OutgoingText.objects.count() == 4


def test_limits_end_after_an_hour(user: User, settings: Any) -> None:
    settings.CONSOLE_CODES_PER_NUMBER_HOUR = 1
    now = timezone.now()
    ask(user, now=now)
    with pytest.raises(TooManyRequests):
        ask(user, now=now + timedelta(minutes=1))
    ask(user, now=now + timedelta(minutes=61))


def test_guessing_for_a_day_stays_under_the_cap(user: User, settings: Any) -> None:
    settings.CONSOLE_CODE_TRIES_PER_USER_DAY = 12
    now, tries = timezone.now(), 0
    for hour in range(4):
        moment = now + timedelta(hours=hour)
        ask(user, now=moment)
        code = newest_code()
        for _ in range(5):
            try:
                check(user, wrong(code), now=moment)
            except (WrongCode, CodeSpent):
                tries += 1
            except TooManyRequests:
                continue
    assert tries == 12
    with pytest.raises(TooManyRequests):
        check(user, code, now=moment)


def run_together(work: Any, count: int = 8) -> list[str]:
    """Run the work in threads at the same instant, and name what came out."""
    results: list[str] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            work(number)
            results.append("ok")
        except (WrongCode, CodeSpent, TooManyRequests) as error:
            results.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(results)


@pytest.mark.django_db(transaction=True)
def test_one_code_at_the_same_instant_succeeds_once() -> None:
    user = make_user()
    ask(user)
    code = newest_code()
    results = run_together(lambda _: check(user, code))
    assert results == ["CodeSpent"] * 7 + ["ok"]


@pytest.mark.django_db(transaction=True)
def test_parallel_wrong_tries_are_counted_exactly() -> None:
    user = make_user()
    ask(user)
    code = newest_code()
    results = run_together(lambda _: check(user, wrong(code)))
    assert results == ["CodeSpent"] * 4 + ["WrongCode"] * 4
    assert PhoneCode.objects.get().tries == 5


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_send_one_text() -> None:
    user = make_user()
    results = run_together(lambda _: ask(user), count=4)
    assert results == ["TooManyRequests"] * 3 + ["ok"]
    assert OutgoingText.objects.count() == 1
    assert PhoneCode.objects.filter(ended_at=None).count() == 1
    assert RateBucket.objects.exists()

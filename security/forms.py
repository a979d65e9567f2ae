"""Ask for numbers, codes and choices."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from accounts.models import Account, User
from accounts.names import NameRefused, clean_name
from accounts.phone_rules import LONGEST_INPUT, PhonePurpose, PhoneRefused, check_phone, country_choices
from accounts.queries.rules import blocked_prefixes
from console.core.audit_log import Filters, read_network
from console.core.events import SENTENCES, EventKind
from console.core.forms import CodeInput
from security.models import AllowlistAccess

_RECOVERY_LENGTH = 60
_PASSWORD_LENGTH = 4096


class PhoneForm(forms.Form):
    """Ask for a phone number that can take a code."""

    country = forms.ChoiceField(
        label="Country", choices=country_choices, widget=forms.Select(attrs={"autocomplete": "country"})
    )
    number = forms.CharField(
        label="Phone number",
        max_length=LONGEST_INPUT,
        help_text="A mobile number, or a fixed line that we call.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel-national", "inputmode": "tel"}),
        error_messages={"required": "Enter your phone number."},
    )

    def clean(self) -> dict[str, Any]:
        """Turn the two fields into one number in E.164, under ``e164``."""
        values = super().clean() or {}
        if "number" not in values:
            return values
        try:
            phone = check_phone(
                values["number"],
                country=values.get("country"),
                blocked_prefixes=blocked_prefixes(),
                purpose=PhonePurpose.SIGN_UP,
            )
        except PhoneRefused as error:
            self.add_error("number", str(error))
        else:
            values["e164"] = phone.e164
        return values


class CodeForm(forms.Form):
    """Ask for six digits."""

    code = forms.CharField(
        label="Six-digit code",
        widget=CodeInput(),
        max_length=20,
        error_messages={"required": "Enter the six digits.", "max_length": "A code has six digits."},
    )

    def clean_code(self) -> str:
        """Return the digits without spaces."""
        digits = "".join(self.cleaned_data["code"].split())
        if not (digits.isascii() and digits.isdigit() and len(digits) == 6):  # noqa: PLR2004 - six digits
            raise forms.ValidationError("A code has six digits.", code="digits")
        return digits


class AppCodeForm(CodeForm):
    """Ask for the code that an authenticator app shows."""

    code = forms.CharField(
        label="Code from your authenticator app",
        widget=CodeInput(),
        max_length=20,
        error_messages={"required": "Enter the six digits.", "max_length": "A code has six digits."},
    )


class RecoveryCodeForm(forms.Form):
    """Ask for one recovery code."""

    code = forms.CharField(
        label="Recovery code",
        max_length=_RECOVERY_LENGTH,
        help_text="One of the codes you kept. Each works once; capitals and dashes don't matter.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "class": "input--mono",
            }
        ),
        error_messages={"required": "Enter a recovery code."},
    )


class PasswordForm(forms.Form):
    """Ask for the password again."""

    code = forms.CharField(
        label="Password",
        strip=False,
        max_length=_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password."},
    )


class KeptForm(forms.Form):
    """Ask whether the recovery codes are kept."""

    kept = forms.BooleanField(
        label="I kept these codes in a safe place",
        error_messages={"required": "Keep the codes first: they are not shown again."},
    )


_AREAS = {
    "account": "Account",
    "credential": "Auth Tokens and API",
    "api-call": "Auth Tokens and API",
    "allowlist": "IP Whitelisting",
    "allowlist-entry": "IP Whitelisting",
    "trial-credit": "Money",
    "audit-log": "Audit log",
}
# Events with these names are on the chain of a person, of the staff or of the whole console.
_ELSEWHERE = frozenset(
    [
        "user",
        "sign-up",
        "activation",
        "email",
        "phone",
        "phone-code",
        "phone-change",
        "sign-in",
        "second-factor",
        "device",
        "session",
        "sessions",
        "password-reset",
        "password",
        "profile",
        "factor",
        "recovery-codes",
        "recovery-code",
        "step-up",
        "passkey",
        "staff",
        "staff-rule",
    ]
)
_SENDERS = {"system": "The console itself", "api": "API calls", "staff": "The provider's staff"}
_LONGEST_NETWORK = 60
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


def kind_choices() -> list[tuple[str, Any]]:
    """Return the kinds of events an account's log can hold, by area, each area as a whole first."""
    areas: dict[str, list[tuple[str, str]]] = {}
    for kind, sentence in SENTENCES.items():
        if area := _area_of(kind):
            areas.setdefault(area, []).append((str(kind), sentence[:1].upper() + sentence[1:]))
    whole = [(area, [(f"area:{area}", f"{area}: anything"), *kinds]) for area, kinds in areas.items()]
    return [("", "Anything"), *sorted(whole)]


def _area_of(kind: str) -> str:
    name = kind.partition(":")[0]
    return "" if name in _ELSEWHERE else _AREAS.get(name, "Other")


def _kinds_of(choice: str) -> tuple[str, ...]:
    area = choice.removeprefix("area:")
    if area == choice:
        return (choice,)
    return tuple(str(kind) for kind in EventKind if _area_of(kind) == area)


class AuditForm(forms.Form):
    """Ask which events of the audit log to show."""

    who = forms.ChoiceField(required=False)
    what = forms.ChoiceField(required=False, choices=kind_choices)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    where = forms.CharField(
        label="IP address or range",
        required=False,
        max_length=_LONGEST_NETWORK,
        widget=forms.TextInput(
            attrs={"class": "input--mono", "placeholder": "198.51.100.0/24", "spellcheck": "false"}
        ),
    )
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput())
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput())

    def __init__(self, *args: Any, account: Account, people: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = ZoneInfo(account.time_zone)
        self.people = {str(person.public_id): person for person in people}
        members = [(key, person.audit_label) for key, person in self.people.items()]
        choices: list[Any] = [("", "Anyone"), ("Members", members), ("Others", list(_SENDERS.items()))]
        self.fields["who"].choices = choices  # type: ignore[attr-defined]

    def clean_where(self) -> Any:
        """Return the network, or None."""
        text = self.cleaned_data["where"].strip()
        network = read_network(text) if text else None
        if text and network is None:
            raise forms.ValidationError(
                "Enter an IP address or a range such as 198.51.100.0/24.", code="network"
            )
        return network

    def clean(self) -> dict[str, Any]:
        """Refuse a time that ends before it begins."""
        values = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        for name in ("since", "until"):
            if (day := values.get(name)) and not _FIRST_DAY <= day <= _LAST_DAY:
                self.add_error(name, "Choose a day between 2000 and 2099.")
        if since and until and until < since:
            self.add_error("until", "Choose a day that is not before the first.")
        return values

    @property
    def words(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the address."""
        names = ("who", "what", "since", "until", "where")
        return {
            name: str(self.data[name]).strip() for name in names if str(self.data.get(name) or "").strip()
        }

    def filters(self) -> Filters:
        """Return the filters of a valid form; days are those of the account's time zone, both included."""
        values = self.cleaned_data
        who, person = values["who"], self.people.get(values["who"])
        return Filters(
            user_id=person.pk if person else None,
            actor_kind=who if who in _SENDERS else "",
            kinds=_kinds_of(values["what"]) if values["what"] else (),
            since=self._start_of(values["since"]),
            until=self._start_of(values["until"], days=1),
            network=values["where"],
            words=self.words,
        )

    def _start_of(self, day: date | None, *, days: int = 0) -> datetime | None:
        if day is None:
            return None
        return datetime.combine(day + timedelta(days=days), time.min, tzinfo=self.zone)


class AllowlistRequestForm(forms.Form):
    """Say why the account needs an IP allowlist, and for how many addresses."""

    reason = forms.CharField(
        label="What you need it for", widget=forms.Textarea(attrs={"rows": 3}), max_length=500
    )
    addresses = forms.IntegerField(
        label="Number of addresses", min_value=1, max_value=10_000, help_text="Servers that call the API."
    )

    def clean_reason(self) -> str:
        """Return the reason on one line."""
        return _one_line(self.cleaned_data["reason"], limit=500)


class AllowlistChangeForm(forms.Form):
    """Change the label of an entry and the last day on which it lets callers in."""

    label = forms.CharField(label="Label", max_length=100, required=False)
    until = forms.DateField(
        label="Until",
        required=False,
        help_text="The last day on which it counts.",
        widget=forms.DateInput(attrs={"type": "date", "class": "input--short"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, zone: str, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.today = ZoneInfo(zone), today

    def clean_label(self) -> str:
        """Return the label on one line."""
        label = self.cleaned_data["label"]
        return _one_line(label, limit=100) if label.strip() else ""

    def clean_until(self) -> date | None:
        """Refuse a day that is over."""
        day = self.cleaned_data["until"]
        if day is not None and not self.today <= day <= _LAST_DAY:
            raise forms.ValidationError("Choose today or a later day.", code="until")
        return day

    @property
    def expires_at(self) -> datetime | None:
        """Return the end of the last day, in the account's time zone."""
        day = self.cleaned_data["until"]
        return datetime.combine(day, time(23, 59, 59), tzinfo=self.zone) if day else None


class AllowlistEntryForm(AllowlistChangeForm):
    """Name a network whose callers are let in."""

    network = forms.CharField(
        label="Address or range",
        max_length=64,
        help_text="IPv4 or IPv6, alone or in CIDR form: 203.0.113.7 or 203.0.113.0/24.",
        widget=forms.TextInput(
            attrs={"class": "input--mono", "spellcheck": "false", "autocapitalize": "off"}
        ),
    )
    field_order = ("network", "label", "until")


class AllowlistDecisionForm(forms.ModelForm):
    """Grant or decline a request for an allowlist, as staff."""

    decision = forms.ChoiceField(
        label="Decision", choices=[("approve", "Approve"), ("decline", "Decline")], widget=forms.RadioSelect
    )
    note = forms.CharField(
        label="Note to the customer", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    class Meta:
        model = AllowlistAccess
        fields: tuple[str, ...] = ()

    def clean_note(self) -> str:
        """Return the note on one line."""
        note = self.cleaned_data["note"]
        return _one_line(note, limit=500) if note.strip() else ""

    def clean(self) -> dict[str, Any]:
        """Refuse a declined request without a word."""
        values = super().clean() or {}
        if values.get("decision") == "decline" and not values.get("note"):
            self.add_error("note", "Write why. The customer reads it.")
        if self.instance.state != AllowlistAccess.State.REQUESTED:
            raise forms.ValidationError("This request was decided already.", code="decided")
        return values


def _one_line(text: str, *, limit: int) -> str:
    try:
        return clean_name(" ".join(text.split()), limit=limit)
    except NameRefused as error:
        raise forms.ValidationError(str(error), code=error.code) from error

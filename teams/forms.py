"""Forms of the Team pages, and of joining a team."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.urls import reverse, reverse_lazy
from django.utils.html import format_html

from accounts.email_rules import EmailRefused, WorkEmail, check_work_email
from accounts.names import NameRefused, clean_name
from accounts.passwords import Advice, advise, personal_words
from accounts.queries import rules
from console.core.forms import Cards, NewPasswordInput
from teams.models import Membership
from teams.roles import HINTS, Role
from teams.roster import Filters

GIVEN = [role for role in Role if role is not Role.OWNER]
MANY = 20
_LONGEST_TEXT = MANY * 300
_NAME, _REASON = 150, 200
_LAST_PAGE = 1_000_000


def _line(text: str, limit: int) -> str:
    try:
        return clean_name(text, limit=limit)
    except NameRefused as error:
        raise ValidationError(str(error), code=error.code) from error


def _work_email(text: str) -> WorkEmail:
    allow, block = rules.domain_rules()
    try:
        return check_work_email(
            text, allow=allow, block=block, check_deliverability=settings.EMAIL_CHECK_DELIVERABILITY
        )
    except EmailRefused as error:
        raise ValidationError(str(error), code=error.code) from error


def _role_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Role",
        choices=[(role.value, role.label) for role in GIVEN],
        widget=Cards(hints={role.value: HINTS[role] for role in GIVEN}),
        error_messages={"required": "Choose a role.", "invalid_choice": "Choose one of the four roles."},
    )


class _EndForm(forms.Form):
    """A last day in the account's time zone."""

    def __init__(self, *args: Any, zone: str, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.today = ZoneInfo(zone), today

    def clean_until(self) -> date | None:
        """Return a day that is not over."""
        until = self.cleaned_data["until"]
        if until and not self.today <= until <= self.today + timedelta(days=3660):
            raise ValidationError("Choose a day from today on, ten years ahead at most.", code="day")
        return until

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the last day, or None."""
        until = self.cleaned_data["until"]
        if until is None:
            return None
        return datetime.combine(until + timedelta(days=1), time.min, tzinfo=self.zone)


def _until_field() -> forms.DateField:
    return forms.DateField(
        label="Last day",
        required=False,
        help_text="Empty means no end.",
        widget=forms.DateInput(attrs={"type": "date", "class": "input--short"}),
        error_messages={"invalid": "Enter a day, like 2027-03-31."},
    )


class MemberInviteForm(_EndForm):
    """Whom to invite, and as what. ``warning`` is set for an address that several people read."""

    email = forms.CharField(
        label="Work email",
        max_length=1024,
        widget=forms.EmailInput({"autocomplete": "off", "inputmode": "email", "spellcheck": "false"}),
        error_messages={"required": "Enter the work email of the person."},
    )
    role = _role_field()
    until = _until_field()
    warning: str | None = None

    def clean_email(self) -> str:
        """Return the canonical address when a company's account may use it."""
        found = _work_email(self.cleaned_data["email"])
        self.warning = found.warning
        return found.address


class MemberInviteManyForm(forms.Form):
    """Several addresses, one a line, for one role."""

    emails = forms.CharField(
        label="Work emails",
        max_length=_LONGEST_TEXT,
        help_text=f"One a line, {MANY} at most.",
        widget=forms.Textarea({"rows": 8, "class": "input--mono", "spellcheck": "false"}),
        error_messages={"required": "Enter at least one address."},
    )
    role = _role_field()

    def clean_emails(self) -> list[str]:
        """Return the addresses, each once; one that is refused refuses all, with its line."""
        typed = [line.strip(" ,;") for line in self.cleaned_data["emails"].splitlines()]
        lines = list(dict.fromkeys(line for line in typed if line))
        if len(lines) > MANY:
            raise ValidationError(
                f"These are {len(lines)} addresses. {MANY} at most go at once.", code="many"
            )
        return list({address.lower(): address for address in self._addresses(lines)}.values())

    def _addresses(self, lines: Iterable[str]) -> list[str]:
        good, refused = [], []
        for line in lines:
            try:
                good.append(_work_email(line).address)
            except ValidationError as error:
                refused.append(f"{line[:80]}: {error.messages[0]}")
        if refused:
            raise ValidationError(refused, code="refused")
        return good


class MemberRoleForm(forms.Form):
    """Another role for a member."""

    role = _role_field()


class MemberRaiseForm(forms.Form):
    """Why a member is Admin for an hour."""

    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        strip=False,
        help_text="Goes into the audit log and into the mails about it.",
        widget=forms.TextInput({"autocomplete": "off"}),
        error_messages={"required": "Say what it is for."},
    )

    def clean_reason(self) -> str:
        """Return the reason on one line."""
        return _line(self.cleaned_data["reason"], _REASON)


class MemberEndForm(_EndForm):
    """When a membership ends."""

    until = _until_field()


class RosterForm(forms.Form):
    """Which members to show."""

    q = forms.CharField(label="Search members", required=False, max_length=200)
    role = forms.ChoiceField(label="Role", required=False, choices=[("", "All roles"), *Role.choices])
    factor = forms.ChoiceField(
        label="Second factor",
        required=False,
        choices=[
            ("", "Any second factor"),
            ("weak", "SMS or call only"),
            ("has_app", "Authenticator app"),
            ("has_passkey", "Passkey"),
        ],
    )
    state = forms.ChoiceField(
        label="State",
        required=False,
        choices=[
            ("", "Everybody"),
            ("away", "Away for 90 days"),
            ("ending", "With an end date"),
            ("ended", "Ended"),
            ("raised", "Admin for a while"),
        ],
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=_LAST_PAGE, widget=forms.HiddenInput())

    def clean_q(self) -> str:
        """Return the words; what no name holds finds nothing."""
        text = self.cleaned_data["q"]
        if any(not letter.isprintable() for letter in text):
            raise ValidationError("Search for words of a name or an address.", code="characters")
        return text

    @property
    def words(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the address."""
        names = ("q", "role", "factor", "state")
        return {
            name: str(self.data[name]).strip() for name in names if str(self.data.get(name) or "").strip()
        }

    def filters(self) -> Filters:
        """Return the filters of a valid form."""
        values = self.cleaned_data
        return Filters(values["q"], values["role"], values["factor"], values["state"], self.words)


class InvitedSignUpForm(forms.Form):
    """What an invited person without a sign-in adds to the address."""

    full_name = forms.CharField(
        label="Full name",
        strip=False,
        max_length=1024,
        widget=forms.TextInput({"autocomplete": "name"}),
        error_messages={"required": "Enter your name."},
    )
    password = forms.CharField(
        strip=False,
        max_length=1024,
        widget=NewPasswordInput(advice_url=reverse_lazy("accounts:password_advice")),
        error_messages={"required": "Choose a password."},
    )
    terms = forms.BooleanField(error_messages={"required": "Accept the terms to go on."})

    def __init__(self, *args: Any, email: str, company: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email, self.company = email, company
        self.advice: Advice | None = None
        self.fields["terms"].label = format_html(
            'I accept the <a href="{}" target="_blank">terms of service</a> '
            'and the <a href="{}" target="_blank">privacy notice</a>.',
            reverse("accounts:terms"),
            reverse("accounts:privacy"),
        )

    def clean_full_name(self) -> str:
        """Return the name on one line."""
        return _line(self.cleaned_data["full_name"], _NAME)

    def clean_password(self) -> str:
        """Return the password when it meets the policy."""
        password = self.cleaned_data["password"]
        names = _Names(self.email, str(self.data.get("full_name", ""))[:300], self.company)
        try:
            validate_password(password, user=names)  # type: ignore[arg-type]
        except ValidationError as error:
            words = personal_words(names.email, names.full_name, names.company_name)
            self.advice = advise(password, words=words)
            raise ValidationError(error.messages[0], code="password") from error
        return password


class _Names:
    """What a password must not be built on."""

    def __init__(self, email: str, full_name: str, company_name: str) -> None:
        self.email, self.full_name, self.company_name = email, full_name, company_name


class TransferForm(forms.ModelForm):
    """Why staff make a member the owner."""

    reason = forms.CharField(
        max_length=_REASON,
        help_text="Saving makes this member the owner. The owner before becomes an Admin. Both are mailed.",
    )

    class Meta:
        model = Membership
        fields: tuple[str, ...] = ()

    def clean_reason(self) -> str:
        """Return the reason on one line."""
        return _line(self.cleaned_data["reason"], _REASON)

    def clean(self) -> dict[str, Any]:
        """Refuse the owner and the suspended."""
        values = super().clean() or {}
        if self.instance.role == Role.OWNER or self.instance.suspended_at is not None:
            raise ValidationError("Choose a member who is not the owner and not suspended.", code="member")
        return values

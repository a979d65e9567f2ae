"""The filters of the audit log."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from accounts.models import Account, User
from console.core.audit_log import Filters, read_network
from console.core.events import SENTENCES, EventKind
from security.audit_areas import area_of

_SENDERS = {"system": "The console itself", "api": "API calls", "staff": "The provider's staff"}
_LONGEST_NETWORK = 60
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


def kind_choices() -> list[tuple[str, Any]]:
    """Return the kinds of events an account's log can hold, by area, each area as a whole first."""
    areas: dict[str, list[tuple[str, str]]] = {}
    for kind, sentence in SENTENCES.items():
        if area := area_of(kind):
            areas.setdefault(area, []).append((str(kind), sentence[:1].upper() + sentence[1:]))
    whole = [(area, [(f"area:{area}", f"{area}: anything"), *kinds]) for area, kinds in areas.items()]
    return [("", "Anything"), *sorted(whole)]


def _kinds_of(choice: str) -> tuple[str, ...]:
    area = choice.removeprefix("area:")
    if area == choice:
        return (choice,)
    return tuple(str(kind) for kind in EventKind if area_of(kind) == area)


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

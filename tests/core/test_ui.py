"""Check the tags and the form renderer that every page is drawn with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils import timezone

from console.core.forms import Cards, CodeInput, NewPasswordInput, Segments
from console.core.templatetags import ui

NOW = datetime(2026, 3, 5, 13, 20, tzinfo=UTC)
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ERROR_PAGES = ("400", "403", "404", "405", "413", "429", "csrf", "500", "offline")


def draw(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("412.86"), "$412.86"),
        (Decimal("-3.5"), "\N{MINUS SIGN}$3.50"),
        (Decimal("1234567.005"), "$1,234,567.01"),
        (Decimal("-0.001"), "$0.00"),
        (7, "$7.00"),
        ("0.1", "$0.10"),
    ],
)
def test_money_has_two_places_and_a_true_minus(value: Decimal | int | str, shown: str) -> None:
    assert ui.money(value) == shown


def test_rate_has_five_places() -> None:
    assert ui.rate(Decimal("0.0214")) == "$0.02140"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Tomas Lindqvist", "TL"),
        ("Anna Maria van Dijk", "AD"),
        ("halyard", "H"),
        ("(Äpfel) & Söhne", "ÄS"),
        ("  ", "?"),
        ("“—” &", "?"),
    ],
)
def test_initials(name: str, shown: str) -> None:
    assert ui.initials(name) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "1 second"),
        (59, "59 seconds"),
        (60, "60 seconds"),
        (61, "2 minutes"),
        (3600, "1 hour"),
        (3601, "2 hours"),
        (86400, "1 day"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_duration_never_promises_too_little(seconds: float | timedelta, shown: str) -> None:
    assert ui.duration(seconds) == shown


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (NOW, "now"),
        (NOW - timedelta(seconds=40), "40 s ago"),
        (NOW - timedelta(minutes=15), "15 min ago"),
        (NOW - timedelta(hours=23, minutes=59), "23 h ago"),
        (NOW + timedelta(minutes=10), "in 10 min"),
        (NOW - timedelta(hours=24), "Wed 4 Mar, 14:20"),
        (NOW - timedelta(days=113), "Wed 12 Nov 2025, 14:20"),
    ],
)
def test_when_is_relative_within_a_day(moment: datetime, shown: str) -> None:
    with timezone.override(ZoneInfo("Europe/Amsterdam")):
        drawn = draw("{% when moment now=now %}", moment=moment, now=NOW)
    assert f">{shown}</time>" in drawn
    assert (
        f'datetime="{moment.astimezone(ZoneInfo("Europe/Amsterdam")).isoformat(timespec="seconds")}"' in drawn
    )


def test_when_can_insist_on_the_date() -> None:
    with timezone.override(UTC):
        assert ">Thu 5 Mar, 13:19</time>" in draw(
            '{% when moment "date" now %}', moment=NOW - timedelta(minutes=1), now=NOW
        )


def test_when_never() -> None:
    assert draw("{% when moment %}", moment=None) == "Never"


def test_headline_parts_the_first_sentence() -> None:
    assert ui.headline("Export started. We mail you a link.") == ("Export started.", "We mail you a link.")
    assert ui.headline("Saved at 10.30") == ("", "Saved at 10.30")


class Shapes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def test_every_icon_of_the_sheet_can_be_drawn() -> None:
    names = list(ui._icons())
    assert len(names) > 50
    for name in names:
        shapes = Shapes()
        shapes.feed(ui.icon(name))
        assert shapes.tags[0] == "svg"
        assert set(shapes.tags[1:]) <= {"path", "circle"}
        assert len(shapes.tags) > 1


def test_icon_is_decorative_unless_named_and_escapes_its_words() -> None:
    assert 'aria-hidden="true"' in ui.icon("lock")
    named = ui.icon("lock", "icon--small", '"><script>')
    assert 'role="img"' in named
    assert "<script>" not in named


def test_unknown_icon_is_refused() -> None:
    with pytest.raises(TemplateSyntaxError, match="'unicorn'"):
        ui.icon("unicorn")


class SignUp(forms.Form):
    email = forms.EmailField(help_text="The one at your company.")
    phone = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"class": "input--short", "autofocus": True})
    )
    password = forms.CharField(widget=NewPasswordInput(advice_url="/advice/"))
    code = forms.CharField(widget=CodeInput)
    role = forms.ChoiceField(choices=[("dev", "Developer")], widget=Cards(hints={"dev": "Own tokens."}))
    pace = forms.ChoiceField(choices=[("a", "Daily")], widget=Segments)
    terms = forms.BooleanField(help_text="Of 1 March.")
    trap = forms.CharField(widget=forms.HiddenInput, required=False)


def test_field_ties_label_hint_and_error_to_its_control() -> None:
    drawn = SignUp({"email": "<b>"})["email"].as_field_group()
    assert '<label class="field__label" for="id_email">' in drawn
    assert 'aria-describedby="id_email_helptext id_email_error"' in drawn
    assert 'aria-invalid="true"' in drawn
    assert 'id="id_email_helptext"' in drawn
    assert 'id="id_email_error"' in drawn
    assert 'value="&lt;b&gt;"' in drawn


def test_only_the_first_refused_field_takes_the_focus() -> None:
    form = SignUp({"email": "ines@halyard.example"})
    assert "autofocus" not in form["email"].as_field_group()
    assert "autofocus" not in form["phone"].as_field_group()
    assert "autofocus" in form["password"].as_field_group()
    assert "autofocus" in SignUp()["phone"].as_field_group()


def test_words_about_the_whole_form_take_the_focus_instead() -> None:
    form = SignUp({})
    form.add_error(None, "Try <again> tomorrow.")
    drawn = form.render()
    assert drawn.count("autofocus") == 1
    assert "Try &lt;again&gt; tomorrow." in drawn
    assert 'role="alert"' in drawn


def test_optional_fields_say_so_and_keep_their_own_class() -> None:
    drawn = SignUp()["phone"].as_field_group()
    assert "(optional)" in drawn
    assert 'class="input input--short"' in drawn


def test_new_password_asks_for_advice_where_it_is_shown() -> None:
    drawn = SignUp()["password"].as_field_group()
    assert 'hx-post="/advice/"' in drawn
    assert 'hx-target="#id_password_advice"' in drawn
    assert 'id="id_password_advice"' in drawn
    assert 'autocomplete="new-password"' in drawn


def test_each_kind_of_field_is_drawn_with_its_parts() -> None:
    form = SignUp()
    assert "data-submit" in form["code"].as_field_group()
    assert 'autocomplete="one-time-code"' in form["code"].as_field_group()
    assert '<span class="choice__hint">Own tokens.</span>' in form["role"].as_field_group()
    assert 'class="segments__control"' in form["pace"].as_field_group()
    assert '<span class="choice__hint">Of 1 March.</span>' in form["terms"].as_field_group()
    assert "aria-describedby" not in form["terms"].as_field_group()
    assert form["trap"].as_field_group().strip() == '<input type="hidden" name="trap" id="id_trap">'


@pytest.mark.parametrize("page", ERROR_PAGES)
def test_error_pages_need_no_context(page: str) -> None:
    drawn = render_to_string(f"errors/{page}.html", {"request_id": "req_42"})
    assert "req_42" in drawn
    assert drawn.count("<h1") == 1


def test_refused_role_names_those_that_could() -> None:
    drawn = render_to_string("errors/403.html", {"allowed_roles": ["Owner", "Financial Analyst"]})
    assert "Financial Analyst" in drawn


def test_limit_says_when_to_come_back() -> None:
    assert "Try again in 2 minutes." in render_to_string("errors/429.html", {"retry_after": 95})


def test_mail_is_escaped_in_its_html_part() -> None:
    drawn = render_to_string("mail/base.html", {"facts": [("Device", "Tom & Co <x>")]})
    assert "Tom &amp; Co &lt;x&gt;" in drawn


def test_every_stylesheet_and_element_is_linked_once() -> None:
    static = TEMPLATES.parent / "static"
    for folder, listing in (("css", "_stylesheets.html"), ("js", "_scripts.html")):
        linked = (TEMPLATES / "layouts" / listing).read_text()
        for file in sorted((static / folder).rglob(f"*.{folder}")):
            assert linked.count(f"'{file.relative_to(static)}'") == 1, file

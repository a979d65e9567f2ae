"""Draw every form the same way: one template for fields, one for forms, a few inputs of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.http import QueryDict
from django.utils.functional import cached_property

CLASSES: Final[dict[str, str]] = {
    "checkbox": "choice__control",
    "choices": "choice__control",
    "cards": "choice__control",
    "segments": "segments__control",
    "code": "code-input",
    "hidden": "",
}


class CodeInput(forms.TextInput):
    """Take six digits in one field, so that paste and autofill work."""

    kind = "code"

    def __init__(self, attrs: Mapping[str, Any] | None = None, *, auto_submit: bool = True) -> None:
        """Say with auto_submit whether the sixth digit sends the form."""
        self.auto_submit = auto_submit
        fixed = {
            "inputmode": "numeric",
            "autocomplete": "one-time-code",
            "pattern": "[0-9 ]*",
            "maxlength": "7",
        }
        super().__init__({**fixed, **(attrs or {})})


class NewPasswordInput(forms.PasswordInput):
    """Take a new password and show what it still needs under it."""

    kind = "new-password"

    def __init__(self, attrs: Mapping[str, Any] | None = None, *, advice_url: object = None) -> None:
        """Name with advice_url where htmx asks for advice while one types."""
        self.advice_url = advice_url
        super().__init__({"autocomplete": "new-password", **(attrs or {})})

    def advice_attrs(self, target: str) -> dict[str, Any]:
        """Ask for advice when typing rests; the whole form goes along, as the names in it count."""
        if not self.advice_url:
            return {}
        trigger = "input changed delay:300ms"
        return {
            "hx-post": self.advice_url,
            "hx-trigger": trigger,
            "hx-target": f"#{target}",
            "hx-sync": "this:replace",
        }


class MoneyInput(forms.TextInput):
    """Take an amount in dollars."""

    unit = "$"

    def __init__(self, attrs: Mapping[str, Any] | None = None) -> None:
        """Ask phones for their decimal keyboard."""
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})


class Cards(forms.RadioSelect):
    """Offer choices that each need a sentence, given in hints by value."""

    kind = "cards"

    def __init__(self, *args: Any, hints: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        """Keep the sentences by the value they belong to."""
        self.hints = dict(hints or {})
        super().__init__(*args, **kwargs)

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Add the sentence to the option it belongs to."""
        option = super().create_option(*args, **kwargs)
        return {**option, "hint": self.hints.get(str(option["value"]), "")}


class Segments(forms.RadioSelect):
    """Offer two to four short choices in one row."""

    kind = "segments"


def _kind(widget: forms.Widget) -> str:
    if kind := getattr(widget, "kind", ""):
        return str(kind)
    if isinstance(widget, forms.CheckboxInput):
        return "checkbox"
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "choices"
    if isinstance(widget, forms.PasswordInput):
        return "password"
    return "hidden" if widget.is_hidden else "input"


class Typed:
    """What somebody typed into a form that was never sent on; ``is_shown`` says that a form took it."""

    def __init__(self, values: QueryDict) -> None:
        self.values = values.copy()
        self.values.pop("csrfmiddlewaretoken", None)
        self.is_shown = False

    def fits(self, form: forms.BaseForm) -> bool:
        """Say whether the form is an empty one of the same fields."""
        names = {form.add_prefix(name) for name in form.fields}
        return not form.is_bound and bool(self.values) and set(self.values) <= names


_typed: ContextVar[Typed | None] = ContextVar("typed", default=None)


@contextmanager
def typed_before(values: QueryDict) -> Iterator[Typed]:
    """Have every empty form that fits show the values; passwords and files stay empty."""
    typed = Typed(values)
    token = _typed.set(typed)
    try:
        yield typed
    finally:
        _typed.reset(token)


class ConsoleBoundField(BoundField):
    """Give each control its class, its description and, when the form was refused, the focus."""

    @cached_property
    def initial(self) -> Any:
        """Return the value of the field before somebody types, or what they typed before."""
        typed = _typed.get()
        if typed is None or not typed.fits(self.form):
            return self.form.get_initial_for_field(self.field, self.name)
        typed.is_shown = True
        return self.field.widget.value_from_datadict(typed.values, {}, self.html_name)

    @property
    def kind(self) -> str:
        """Name the way the field template draws this field."""
        return _kind(self.field.widget)

    @property
    def advice_id(self) -> str:
        """Name the place for advice under a new password."""
        return f"{self.auto_id}_advice" if self.kind == "new-password" else ""

    @property
    def aria_describedby(self) -> str | None:
        """Point to hint, error and advice; a checkbox has its hint inside its label."""
        described = super().aria_describedby
        if described is None:
            return None
        own = [part for part in described.split() if self.kind != "checkbox" or part.endswith("_error")]
        return " ".join([*own, self.advice_id]).strip()

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        """Add to Django's attributes what the stylesheets and htmx need."""
        control = widget or self.field.widget
        built = super().build_widget_attrs(attrs, widget)
        classes = f"{CLASSES.get(_kind(control), 'input')} {control.attrs.get('class', '')}".strip()
        built["class"] = classes or False
        if isinstance(control, NewPasswordInput):
            built |= control.advice_attrs(self.advice_id)
        if self.form.is_bound and self.form.errors:
            built["autofocus"] = self._is_first_refused()
        return built

    def _is_first_refused(self) -> bool:
        # A summary above the form takes the focus itself.
        if self.form.non_field_errors():
            return False
        return next((name for name in self.form.fields if name in self.form.errors), "") == self.name


class ConsoleFormRenderer(TemplatesSetting):
    """Render forms and fields with the console's own templates."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"
    bound_field_class = ConsoleBoundField

"""The documents say what the code says: tables are compared with the registries they describe."""

import ast
import importlib
import inspect
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django import forms
from django.apps import apps
from django.conf import settings
from django.core.management import get_commands

from accounts.models import EmailLink
from accounts.queries.sessions import METHODS
from console.core.permissions import Gate, Permission
from teams.roles import RIGHTS, Role

ROOT = Path(settings.BASE_DIR)
APPS = ("console", "accounts", "teams", "security", "subaccounts", "billing", "support")
SOURCES = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
RUNNING = [path for path in SOURCES if not {"stack", "demo", "devinbox"} & set(path.parts)]
SETTINGS = (ROOT / "console/settings.py").read_text() + (ROOT / "console/limits.py").read_text()
SETTINGS += (ROOT / "console/schedule.py").read_text()
SECURITY = (ROOT / "docs/security.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
CLASSES = (ROOT / "docs/data-classes.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
# What leaves the process: a module that imports one of these makes connections.
_OUTWARD = {"requests", "plivo", "twilio", "dns", "smtplib", "redis", "urllib3", "socket", "http", "imaplib"}
_COUNTED = re.compile(r'^(CONSOLE_\w+) = env\.(?:number|amount)\(\s*"\1",\s*(.+)\)$', re.MULTILINE)


def _name(path):
    return str(path.relative_to(ROOT))


def _rows(text, heading):
    """Return the cells of the table rows under a heading, header and ruler left out."""
    part = re.split(r"^#{2,3} ", text.split(f"## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if set("".join(row)) - set("-| ")]


def _words(cell):
    return re.findall(r"`([^`]+)`", cell)


def _dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _calls(name):
    """Yield every call of a function with this name, with its file."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            called = getattr(node, "func", None)
            if isinstance(node, ast.Call) and name in {
                getattr(called, "id", ""),
                getattr(called, "attr", ""),
            }:
                yield path, node


# --- security.md -----------------------------------------------------------------------------


def test_permission_table_is_the_role_matrix():
    rows = _rows(SECURITY, "Permissions (checked)")
    assert rows[0][2:] == [role.label for role in Role]
    written = {_words(row[0])[0]: [cell == "yes" for cell in row[2:]] for row in rows[1:]}
    assert written == {str(right): [right in RIGHTS[role] for role in Role] for right in Permission}


def test_ways_in_name_every_step_gate_link_and_method():
    part = SECURITY.split("## Ways in (checked)")[1].split("\n## ")[0]
    steps = [_words(row[0])[0] for row in _rows(SECURITY, "Ways in (checked)") if "login_steps" in row[0]]
    assert steps == settings.LOGIN_STEPS
    names = {*settings.AUTHENTICATION_BACKENDS, settings.API_CALLER_FINDER, *Gate, *EmailLink.Purpose.values}
    names |= set(METHODS) - {"password", "phone"}
    assert sorted(name for name in names if f"`{name}`" not in part) == []


def test_limit_table_has_every_number_with_its_default():
    written = {
        _words(row[0])[0]: row[1] for row in _rows(SECURITY, "Limits (checked)") if "`CONSOLE_" in row[0]
    }
    read = dict(_COUNTED.findall(SETTINGS))
    assert sorted(written) == sorted(read)
    plain = {name: text.strip('"').replace("_", "") for name, text in read.items() if " if " not in text}
    assert {name: written[name] for name in plain} == plain


def test_counters_are_listed_with_their_numbers():
    table = {name: row[1] for row in _rows(SECURITY, "Limits (checked)") for name in _words(row[0])}
    for path, call in _calls("Limit"):
        purpose = call.args[0]
        if isinstance(purpose, ast.JoinedStr):
            assert f"{purpose.values[0].value}…" in table, (
                f"{_name(path)}: list the counter {ast.unparse(purpose)}"
            )
            continue
        assert purpose.value in table, f"{_name(path)}: list the counter {purpose.value}"
        numbers = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
        if all(isinstance(number, ast.Constant) for number in numbers):
            count, seconds = (number.value for number in numbers)
            assert table[purpose.value] == f"{count} in {seconds} s"


def test_cookie_table_has_every_cookie():
    written = {tuple(_words(row[0] + row[1])) for row in _rows(SECURITY, "Cookies (checked)")[1:]}
    assert written == set(re.findall(r'_COOKIE_NAME = "([\w-]+)" if IS_HTTPS else "(\w+)"', SETTINGS))
    named = {ast.unparse(call.args[0]) for _, call in _calls("set_cookie")}
    assert all(name.startswith("settings.") and name.endswith("_COOKIE_NAME") for name in named)


def test_key_table_has_every_secret_and_purpose():
    rows = _rows(SECURITY, "Keys and secrets (checked)")[1:]
    read = set(re.findall(r'env\.(?:secret|key_ring)\(\s*"(\w+)"', SETTINGS))
    assert {_words(row[0])[0] for row in rows} == read
    purposes = {
        keyword.value.value
        for _, call in _calls("keyed_digest")
        for keyword in call.keywords
        if keyword.arg == "purpose" and isinstance(keyword.value, ast.Constant)
    }
    assert sorted(purposes - set(_words(rows[0][1]))) == []


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


def test_outside_connections_name_every_module_that_makes_them():
    written = {name for row in _rows(SECURITY, "Outside connections (checked)") for name in _words(row[0])}
    found = {_dotted(path) for path in RUNNING if _OUTWARD & set(_imports(path))}
    assert sorted(found - written) == []
    assert sorted(name for name in written if not _is_module(name)) == []


def _is_module(name):
    return importlib.util.find_spec(name) is not None


def test_log_table_has_every_logger():
    written = {_words(row[0])[0] for row in _rows(SECURITY, "Logs (checked)")[1:]}
    used = {
        _dotted(path) if isinstance(call.args[0], ast.Name) else call.args[0].value
        for path, call in _calls("getLogger")
    }
    assert written == used
    handlers = settings.LOGGING["handlers"].values()
    assert {handler["class"] for handler in handlers} == {"logging.StreamHandler"}


def _forms():
    for path in RUNNING:
        if "forms" in {path.stem, *path.parts} and path.parts[-2] != "core":
            module = importlib.import_module(_dotted(path))
            for name, form in vars(module).items():
                if (
                    inspect.isclass(form)
                    and issubclass(form, forms.BaseForm)
                    and form.__module__ == module.__name__
                ):
                    yield f"{path.relative_to(ROOT).parts[0]}.{name}", form


def test_input_table_has_every_form_with_its_fields():
    written = {
        name: row[1] for row in _rows(SECURITY, "Input rules (checked)")[1:] for name in _words(row[0])
    }
    found = {name: form for name, form in _forms() if "._" not in name}
    assert sorted(written) == sorted(found)
    for name, form in found.items():
        missing = [field for field in form.base_fields if f"`{field}`" not in written[name]]
        assert missing == [], f"{name}: write the rule of {missing}"


# --- data-classes.md -------------------------------------------------------------------------

_MODELS = [model for model in apps.get_models() if model._meta.app_config.name.split(".")[0] in APPS]


@pytest.mark.parametrize("model", _MODELS, ids=lambda model: model._meta.label)
def test_every_field_has_one_data_class(model):
    rows = {
        _words(row[0])[0]: row[1:] for row in _rows(CLASSES.replace("# Data classes", "## All"), "All")[1:]
    }
    assert model._meta.label in rows, f"give {model._meta.label} a row in docs/data-classes.md"
    written = [name.strip() for cell in rows[model._meta.label] for name in cell.split(",") if name.strip()]
    fields = [field.name for field in (*model._meta.fields, *model._meta.many_to_many)]
    assert sorted(written) == sorted(fields)


def test_data_classes_have_no_row_for_a_model_that_is_gone():
    rows = _rows(CLASSES.replace("# Data classes", "## All"), "All")[1:]
    assert sorted(_words(row[0])[0] for row in rows) == sorted(model._meta.label for model in _MODELS)


@pytest.mark.parametrize("model", _MODELS, ids=lambda model: model._meta.label)
def test_digests_and_sealed_fields_are_secret(model):
    row = next(
        row
        for row in _rows(CLASSES.replace("# Data classes", "## All"), "All")
        if model._meta.label in row[0]
    )
    secret = {name.strip() for name in row[1].split(",")}
    for field in model._meta.fields:
        if field.name.startswith("sealed") or (
            field.name.endswith("digest") and model.__name__ != "AuditEvent"
        ):
            assert field.name in secret, field.name


# --- operations.md ---------------------------------------------------------------------------


def test_variable_table_is_what_the_code_reads():
    written = {_words(row[0])[0] for row in _rows(OPERATIONS, "Environment variables")[1:]}
    files = [
        ROOT / "manage.py",
        *(ROOT / "deploy").glob("*.py"),
        *RUNNING,
        ROOT / "console/stack/gunicorn.py",
    ]
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', SETTINGS))
    read |= {name for path in files for name in _environment_of(path)} - {"DJANGO_SETTINGS_MODULE"}
    counted = {name for name, _ in _COUNTED.findall(SETTINGS)}
    assert sorted(written) == sorted(read - counted)
    assert sorted(name for name in counted if f"`{name}`" not in OPERATIONS) == []


def _environment_of(path):
    """Yield the names that a file reads from os.environ itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Subscript):
            source, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            source, key = node.func.value, node.args[0]
        else:
            continue
        if ast.unparse(source) == "os.environ" and isinstance(key, ast.Constant):
            yield key.value


def test_variable_table_has_the_defaults():
    written = {_words(row[0])[0]: row[1] for row in _rows(OPERATIONS, "Environment variables")[1:]}
    plain = dict(
        re.findall(
            r'env\.(?:number|text|choice)\("(\w+)", (?:options=.*, default=)?"?([\w.@]*)"?\)', SETTINGS
        )
    )
    plain = {name: value.replace("_", "") if value[:1].isdigit() else value for name, value in plain.items()}
    differing = {name for name, value in plain.items() if name in written and written[name] != value}
    assert sorted(differing) == []


def test_secrets_are_marked_as_such():
    rows = {_words(row[0])[0]: row[2] for row in _rows(OPERATIONS, "Environment variables")[1:]}
    read = set(re.findall(r'env\.(?:secret|key_ring)\(\s*"(\w+)"', SETTINGS))
    assert {name for name, text in rows.items() if text.startswith("secret")} == read


def test_composition_variables_are_documented():
    composed = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert sorted(name for name in composed if name not in OPERATIONS) == []


def test_composition_services_are_documented():
    composed = (ROOT / "docker-compose.yml").read_text().split("\nservices:\n")[1].split("\nnetworks:\n")[0]
    services = re.findall(r"^  ([\w-]+):", composed, re.MULTILINE)
    assert sorted(_words(row[0])[0] for row in _rows(OPERATIONS, "Parts")[1:]) == sorted(services)


def test_schedule_table_is_the_beat_schedule():
    rows = _rows(OPERATIONS, "Queues and schedule")[1:]
    written = {_words(row[0])[0]: (_words(row[1])[0], row[2]) for row in rows}
    wanted = {
        name: (entry["task"], "`RESEND_SECONDS`" if name == "resend-overdue" else _every(entry["schedule"]))
        for name, entry in settings.CELERY_BEAT_SCHEDULE.items()
    }
    assert written == wanted
    part = OPERATIONS.split("## Queues and schedule")[1]
    assert [name for name in settings.CELERY_TASK_QUEUES if f"`{name}`" not in part] == []


def _every(schedule):
    seconds = int(schedule.total_seconds() if isinstance(schedule, timedelta) else schedule)
    if seconds < 60:
        return f"{seconds} s"
    return {60: "minute", 3600: "hour"}.get(seconds, f"{seconds // 60} minutes")


def test_metric_table_has_every_metric():
    source = (ROOT / "console/core/metrics.py").read_text()
    written = {_words(row[0])[0] for row in _rows(OPERATIONS, "Metrics and alarms") if "`console_" in row[0]}
    assert written == set(re.findall(r'"(console_\w+)"', source))


def test_alarm_loggers_and_refusal_reasons_are_explained():
    part = OPERATIONS.split("## Metrics and alarms")[1].split("\n## ")[0]
    assert "`console.alarm`" in part
    for path, call in _calls("critical"):
        assert f'"{call.args[0].value}"' in part, f"{_name(path)}: explain this alarm in docs/operations.md"


def test_system_checks_are_listed():
    ids = set(re.findall(r'id="(console\.[EW]\d+)"', "".join(path.read_text() for path in SOURCES)))
    assert {_words(row[0])[0] for row in _rows(OPERATIONS, "TLS between parts")[1:]} == ids


# --- all pages -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)?(?:#[\w-]+)?\)", page.read_text()):
        if target and not target.startswith("http") and not target.endswith(".png"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_anchors_exist(page):
    for target, anchor in re.findall(r"\]\(([^)#]*)#([\w-]+)\)", page.read_text()):
        text = (page.parent / target).read_text() if target else page.read_text()
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_that_pages_name_exist(page):
    text = page.read_text()
    known = set(get_commands()) | {"check", "shell"}
    assert sorted(set(re.findall(r"manage\.py ([a-z_]+)", text)) - known) == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert sorted(set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) - targets) == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_files_that_pages_name_exist(page):
    paths = re.findall(
        r"`((?:console|accounts|teams|security|tests|templates|deploy|docs)/[\w/.-]+)`", page.read_text()
    )
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_readme_is_short_and_maps_every_app():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) < 200
    assert [app for app in APPS if f"`{app}/`" not in text] == []


@pytest.mark.parametrize("page", DECISIONS, ids=_name)
def test_decision_is_one_page_of_three_parts(page):
    text = page.read_text()
    assert len(text.splitlines()) <= 40
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Choice", "Consequence"]
    assert text.startswith(f"# {page.name[:4]}. ")


def test_decisions_are_numbered_without_gaps():
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))

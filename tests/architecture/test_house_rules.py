"""Rules of the house that a machine can check."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines
from django.urls import get_resolver

from console.core.access import find_access
from console.core.checks import check_access_declared
from console.core.events import SENTENCES, EventKind
from console.core.permissions import Permission
from console.core.routes import iter_routes

ROOT = Path(settings.BASE_DIR)
APPS = ["console", "accounts", "teams", "security", "subaccounts", "billing", "support"]
SOURCES = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MAILS = sorted(path.parent for path in (ROOT / "templates/mail").rglob("subject.txt"))
_FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "managers.py", "signals.py"}
# The step-up question checks a token of its own, which outlives a confirmation in another tab.
CSRF_EXEMPT = {
    "billing:alert_stop",
    "csp_report",
    "security:confirm",
    "security:confirm_send",
    "security:confirm_with",
    "security:confirm_passkey_options",
    "security:sso_acs",
}


def _name(path):
    return str(path.relative_to(ROOT))


def _functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_route_is_declared_and_named():
    assert list(check_access_declared(None)) == []


def test_route_without_a_declaration_is_an_error(monkeypatch):
    from django.urls import path as url

    def bare(request):
        raise AssertionError

    resolver = get_resolver()
    monkeypatch.setattr(resolver, "url_patterns", [*resolver.url_patterns, url("bare/", bare, name="bare")])
    assert [error.id for error in check_access_declared(None)] == ["console.E001"]


def test_request_to_an_undeclared_view_is_refused(client, db, settings):
    settings.ROOT_URLCONF = "tests.architecture.bare_urls"
    from django.core.exceptions import ImproperlyConfigured

    with pytest.raises(ImproperlyConfigured):
        client.get("/bare/")


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_files_and_functions_stay_small(path):
    assert path.name not in _FORBIDDEN_NAMES
    assert len(path.read_text().splitlines()) <= 400
    long = [node.name for node in _functions(path) if node.end_lineno - node.lineno >= 40]
    assert long == []


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_mark_safe_and_no_unscoped_at_the_edge(path):
    text = path.read_text()
    assert "mark_safe" not in text or path.name == "ui.py"
    assert "autoescape off" not in text
    if {"views", "forms"} & {*path.parts, path.stem}:
        assert ".unscoped" not in text


@pytest.mark.parametrize("path", [p for p in SOURCES if "services" in {*p.parts, p.stem}], ids=_name)
def test_service_with_an_actor_requires_a_right(path):
    for node in _functions(path):
        names = [argument.arg for argument in node.args.kwonlyargs]
        if "actor" in names and not node.name.startswith("_"):
            source = ast.get_source_segment(path.read_text(), node) or ""
            assert ".require" in source, f"{node.name} takes an actor and checks no right"
        assert "request" not in names


def test_csrf_exempt_views_are_a_closed_list():
    exempt = {
        route.name
        for route in iter_routes()
        if getattr(route.view, "csrf_exempt", False) and not route.name.startswith("admin:")
    }
    machine = {route.name for route in iter_routes() if find_access(route.view).right == "machine"}
    assert exempt - machine == CSRF_EXEMPT


_INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)[^>]*>|\son[a-z]+=|<[^>]+\sstyle=|javascript:|hx-on|<style", re.IGNORECASE
)


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_template_compiles_and_keeps_the_policy(path):
    name = str(path.relative_to(ROOT / "templates"))
    engines["django"].get_template(name)
    text = path.read_text()
    assert "|safe" not in text
    assert "autoescape off" not in text
    assert re.search(r"""(?:src|href)=["']https?://""", text) is None
    if not name.startswith("mail/"):
        assert _INLINE.search(text) is None


@pytest.mark.parametrize("path", [p for p in TEMPLATES if not p.name.startswith("_")], ids=_name)
def test_page_has_a_title(path):
    text = path.read_text()
    if '{% extends "layouts/' in text and path.parent.name != "layouts":
        assert re.search(r"{% block title %}.+?{% endblock", text, re.DOTALL)


@pytest.mark.parametrize("folder", MAILS, ids=_name)
def test_mail_has_three_parts(folder):
    assert {"subject.txt", "body.txt", "body.html"} <= {path.name for path in folder.iterdir()}
    subject = (folder / "subject.txt").read_text().strip()
    assert "\n" not in subject
    assert "http" not in subject


def test_every_event_has_a_sentence_and_is_recorded_somewhere():
    assert [kind.name for kind in EventKind if not SENTENCES[kind]] == []
    text = "".join(path.read_text() for path in SOURCES if path.name != "event_kinds.py")
    assert [kind.name for kind in EventKind if f"EventKind.{kind.name}" not in text] == []


def test_every_environment_variable_and_permission_is_documented():
    documented = (ROOT / "README.md").read_text() + (ROOT / "docs/operations.md").read_text()
    settings = "".join((ROOT / f"console/{name}.py").read_text() for name in ("settings", "limits"))
    read = re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', settings)
    assert sorted({name for name in read if name not in documented}) == []
    security = (ROOT / "docs/security.md").read_text()
    assert [str(right) for right in Permission if str(right) not in security] == []


def test_models_never_see_http():
    for path in SOURCES:
        if "models" in {*path.parts, path.stem}:
            assert "django.http" not in path.read_text()


def test_tenant_rows_are_reached_through_an_account_only(db, cast):
    from teams.models import Membership

    assert Membership.objects.of(cast.account).count() == 5
    assert not hasattr(Membership.objects, "filter")
    assert not hasattr(Membership.objects, "get")
    with pytest.raises(TypeError):
        Membership.objects.all()


def test_kernel_imports_no_app():
    for path in (ROOT / "console/core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not {module.split(".")[0] for module in modules} & set(APPS[1:]), _name(path)


def test_project_names_no_foreign_folder():
    for path in [*SOURCES, *TEMPLATES, ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "Makefile"]:
        text = path.read_text()
        assert "/work" + "/" not in text, path
        assert "../sha" + "red" not in text, path


def test_views_are_functions_with_one_line_docstrings():
    for route in iter_routes():
        if route.view.__module__.split(".")[0] in APPS and inspect.isfunction(route.view):
            assert inspect.unwrap(route.view).__doc__ or route.view.access.right == "machine", route.name

"""What staff see and change of the accounts app."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, QueryDict

from accounts.forms.rules import (
    EmailDomainRuleForm,
    NetworkRuleForm,
    PhonePrefixRuleForm,
    TokenScannerForm,
)
from accounts.models import Account, EmailDomainRule, NetworkRule, PhonePrefixRule, TokenScanner, User
from accounts.names import NameRefused, clean_name
from accounts.services.rules import Rule, delete_rule, save_rule
from console.core.access import Actor, access
from console.core.permissions import Gate
from console.core.requests import origin_of


def _staff(request: HttpRequest) -> Actor:
    return Actor(user=request.user, kind="staff", origin=origin_of(request))


def _reason(request: HttpRequest) -> str:
    try:
        return clean_name(request.POST.get("reason", ""), limit=200)
    except NameRefused:
        return ""


class RuleAdmin(admin.ModelAdmin):
    """Edit rules one by one; each change is an audit event with its reason."""

    actions = None
    list_per_page = 50
    ordering = ("-created_at",)
    delete_confirmation_template = "accounts/rule_delete.html"

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:  # noqa: FBT001
        """Store the rule through the service that records it."""
        save_rule(actor=_staff(request), rule=obj)

    @access(Gate.STAFF)
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for a reason before the rule goes."""
        if request.method == "POST" and not _reason(request):
            # Without this mark Django shows its question again.
            request.POST = QueryDict()
            extra_context = {**(extra_context or {}), "reason_missing": True}
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        """Delete the rule through the service that records it."""
        delete_rule(actor=_staff(request), rule=obj, reason=_reason(request))


@admin.register(EmailDomainRule)
class EmailDomainRuleAdmin(RuleAdmin):
    """Domains that staff allow or block at sign-up."""

    form = EmailDomainRuleForm
    list_display = ("domain", "verdict", "reason", "created_at")
    list_filter = ("verdict",)
    search_fields = ("domain", "reason")


@admin.register(NetworkRule)
class NetworkRuleAdmin(RuleAdmin):
    """Networks that staff allow or block at sign-up."""

    form = NetworkRuleForm
    list_display = ("network", "verdict", "reason", "created_at")
    list_filter = ("verdict",)
    search_fields = ("network", "reason")


@admin.register(PhonePrefixRule)
class PhonePrefixRuleAdmin(RuleAdmin):
    """Number prefixes to which no code is sent."""

    form = PhonePrefixRuleForm
    list_display = ("prefix", "reason", "created_at")
    search_fields = ("prefix", "reason")


@admin.register(TokenScanner)
class TokenScannerAdmin(RuleAdmin):
    """Keys with which scanners sign their reports of leaked tokens."""

    form = TokenScannerForm
    list_display = ("name", "key_id", "is_active", "reason", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name", "key_id")


class ReadOnlyAdmin(admin.ModelAdmin):
    """Show rows and change none."""

    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts by Auth ID, company, or the person who opened them."""

    list_display = ("auth_id", "name", "state", "kind", "opened_by", "created_at")
    list_filter = ("state", "kind")
    list_select_related = ("opened_by",)
    search_fields = ("auth_id__iexact", "name", "opened_by__email")
    fields = (
        "auth_id",
        "name",
        "state",
        "kind",
        "billing_mode",
        "address",
        "city",
        "region",
        "time_zone",
        "opened_by",
        "created_at",
        "activated_at",
    )
    ordering = ("-id",)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People by address, name or phone; their passwords are not shown."""

    list_display = ("email", "full_name", "email_verified_at", "phone_verified_at", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email_key", "full_name", "phone")
    fields = (
        "email",
        "full_name",
        "phone",
        "email_verified_at",
        "phone_verified_at",
        "terms_accepted_at",
        "password_changed_at",
        "is_active",
        "is_staff",
        "last_login",
        "created_at",
    )
    ordering = ("-id",)

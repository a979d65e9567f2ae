"""What staff decide of the security app, and what they look up: IP allowlists, recoveries, single sign-on."""

from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from console.core.access import Actor
from console.core.errors import DomainError
from console.core.requests import origin_of
from security.forms import AllowlistDecisionForm, LockdownNoteForm, RecoveryDecisionForm
from security.forms.recovery import APPROVE, VERIFY
from security.models import AllowlistAccess, Lockdown, RecoveryRequest, SsoConnection, SsoDomain
from security.queries import methods_of
from security.services.allowlist import AlreadyDecided, decide_access
from security.services.recovery_staff import approve_recovery, reject_recovery, verify_recovery
from security.services.reopening import handle_lockdown
from security.sso_queries import domains_of
from teams.queries import accounts_of


@admin.register(AllowlistAccess)
class AllowlistAccessAdmin(admin.ModelAdmin):
    """The queue of requests for an IP allowlist, oldest first."""

    form = AllowlistDecisionForm
    actions = None
    list_per_page = 50
    list_display = ("account", "state", "addresses", "requested_by", "requested_at", "decided_by")
    list_filter = ("state",)
    list_select_related = ("account", "requested_by", "decided_by")
    search_fields = ("account__auth_id__iexact", "account__name")
    ordering = ("requested_at", "id")
    fields = ("account", "state", "reason", "addresses", "requested_by", "requested_at", "decision", "note")
    readonly_fields = ("account", "state", "reason", "addresses", "requested_by", "requested_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: customers ask."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def save_model(self, request: HttpRequest, obj: AllowlistAccess, form: Any, change: bool) -> None:  # noqa: FBT001
        """Decide through the service that records and mails it."""
        actor = Actor(user=request.user, kind="staff", origin=origin_of(request))
        values = form.cleaned_data
        is_approved = values["decision"] == "approve"
        try:
            decide_access(
                actor=actor, access=obj, is_approved=is_approved, note=values["note"], now=timezone.now()
            )
        except AlreadyDecided as error:
            self.message_user(request, str(error), level="WARNING")


@admin.register(RecoveryRequest)
class RecoveryRequestAdmin(admin.ModelAdmin):
    """The queue of recoveries, oldest first: one person verifies, another approves."""

    form = RecoveryDecisionForm
    actions = None
    list_per_page = 50
    list_display = ("user", "state", "asked_at", "verified_by", "waits_until", "approved_by", "closed_at")
    list_filter = ("state",)
    list_select_related = ("user", "verified_by", "approved_by")
    search_fields = ("user__email_key", "user__full_name")
    ordering = (F("closed_at").desc(nulls_first=True), "asked_at", "id")
    readonly_fields = (
        "user",
        "factors",
        "accounts",
        "state",
        "story",
        "asked_at",
        "asked_from",
        "confirmed_at",
        "verified_by",
        "verified_at",
        "evidence",
        "note",
        "waits_until",
        "approved_by",
        "approved_at",
        "used_at",
        "closed_at",
        "closed_by",
        "reason",
    )
    fields = (*readonly_fields, "decision", "proof", "remark")

    @admin.display(description="Second factors")
    def factors(self, row: RecoveryRequest) -> str:
        """Name what would be removed."""
        return ", ".join(methods_of(row.user)) or "none"

    @admin.display(description="Accounts")
    def accounts(self, row: RecoveryRequest) -> str:
        """Name the accounts that the person would get back into."""
        return ", ".join(map(str, accounts_of(row.user))) or "none"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: customers ask."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def save_model(self, request: HttpRequest, obj: RecoveryRequest, form: Any, change: bool) -> None:  # noqa: FBT001
        """Decide through the services that record, mail, and ask for two people."""
        actor, values = Actor(user=request.user, kind="staff", origin=origin_of(request)), form.cleaned_data
        facts: dict[str, Any] = {"actor": actor, "public_id": obj.public_id, "now": timezone.now()}
        try:
            if values["decision"] == VERIFY:
                verify_recovery(**facts, evidence=values["proof"], remark=values["remark"])
            elif values["decision"] == APPROVE:
                approve_recovery(**facts)
            else:
                reject_recovery(**facts, reason=values["remark"])
        except DomainError as error:
            self.message_user(request, str(error), level="WARNING")


@admin.register(Lockdown)
class LockdownAdmin(admin.ModelAdmin):
    """The urgent queue: lock-downs that nobody of the staff has looked after come first, the oldest on top."""

    form = LockdownNoteForm
    actions = None
    list_per_page = 50
    list_display = ("account", "begun_at", "begun_by", "closed_at", "handled_by", "handled_at")
    list_filter = (("handled_at", admin.EmptyFieldListFilter), ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("account", "begun_by", "handled_by")
    search_fields = ("account__auth_id__iexact", "account__name")
    ordering = (F("handled_at").asc(nulls_first=True), "begun_at", "id")
    fields = (
        "account",
        "begun_at",
        "begun_by",
        "counts",
        "closed_at",
        "closed_by",
        "handled_by",
        "handled_at",
        "note",
    )
    readonly_fields = (
        "account",
        "begun_at",
        "begun_by",
        "counts",
        "closed_at",
        "closed_by",
        "handled_by",
        "handled_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: customers lock down."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def save_model(self, request: HttpRequest, obj: Lockdown, form: Any, change: bool) -> None:  # noqa: FBT001
        """Write the note down through the service that records it."""
        actor = Actor(user=request.user, kind="staff", origin=origin_of(request))
        handle_lockdown(actor=actor, row=obj, note=form.cleaned_data["note"], now=timezone.now())


class _ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that customers alone change; staff look at them to answer a question."""

    actions = None
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: customers do."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: who signs in an account's members is not for staff to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(SsoConnection)
class SsoConnectionAdmin(_ReadOnlyAdmin):
    """Accounts with an identity provider."""

    list_display = ("account", "provider", "state", "is_enforced", "metadata_failing_since", "made_at")
    list_filter = ("state", "is_enforced", "provider", ("metadata_failing_since", admin.EmptyFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("account__auth_id__iexact", "account__name", "entity_id")
    ordering = ("-made_at", "id")
    fields = (
        "account", "provider", "state", "turned_on_at", "is_enforced", "enforced_at", "entity_id", "sso_url",
        "metadata_url", "metadata_fetched_at", "metadata_error", "metadata_failing_since", "domains",
        "certificates", "default_role", "allows_idp_initiated", "is_two_factor", "made_by", "made_at", "changed_at",
    )  # fmt: skip
    readonly_fields = ("domains", "certificates")

    @admin.display(description="Domains")
    def domains(self, row: SsoConnection) -> str:
        """Name the domains that the account claims."""
        claimed = domains_of(row.account)
        return ", ".join(f"{one}{'' if one.is_verified else ' (not proved)'}" for one in claimed) or "None"

    @admin.display(description="Certificates")
    def certificates(self, row: SsoConnection) -> str:
        """Name the provider's certificates and when they end."""
        rows = row.certificates.order_by("not_after")
        return ", ".join(f"{one.short_fingerprint} until {one.not_after:%d %b %Y}" for one in rows) or "None"


@admin.register(SsoDomain)
class SsoDomainAdmin(_ReadOnlyAdmin):
    """Domains that accounts claim: where two argue about one, staff see who proved it."""

    list_display = ("domain", "account", "verified_at", "checked_at", "last_error")
    list_filter = (("verified_at", admin.EmptyFieldListFilter),)
    list_select_related = ("account",)
    search_fields = ("domain__iexact", "account__auth_id__iexact")
    ordering = ("domain", "id")
    fields = ("domain", "account", "added_by", "added_at", "verified_at", "checked_at", "last_error")

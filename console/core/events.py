"""Record what happened, once and for good, and let the rest of the console react to it."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import wraps
from typing import Any

from celery import Task, current_app, shared_task
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone
from kombu.exceptions import OperationalError

from console.core.access import Actor
from console.core.models import AuditEvent, Delivery

Handler = Callable[[AuditEvent], None]
_log = logging.getLogger("console.events")


class EventKind(StrEnum):
    """A fact, written ``thing:past-tense``. Each has a sentence in ``SENTENCES``."""

    USER_SIGNED_UP = "user:signed-up"
    SIGN_UP_REPEATED = "sign-up:repeated"
    ACTIVATION_REQUESTED = "activation:requested"
    EMAIL_VERIFIED = "email:verified"
    PHONE_CODE_REQUESTED = "phone-code:requested"
    PHONE_VERIFIED = "phone:verified"
    ACCOUNT_OPENED = "account:opened"
    ACCOUNT_ACTIVATED = "account:activated"
    ACCOUNT_UPDATED = "account:updated"
    SIGN_IN_COMPLETED = "sign-in:completed"
    SIGN_IN_BEGUN = "sign-in:begun"
    SIGN_IN_FAILED = "sign-in:failed"
    SIGN_IN_LOCKED = "sign-in:locked"
    SECOND_FACTOR_FAILED = "second-factor:failed"
    NEW_DEVICE_SEEN = "device:seen"
    DEVICE_DISOWNED = "device:disowned"
    SIGNED_OUT = "session:signed-out"
    SESSION_ENDED = "session:ended"
    SESSIONS_ENDED = "sessions:ended"
    PASSWORD_RESET_REQUESTED = "password-reset:requested"
    PASSWORD_RESET_UNKNOWN = "password-reset:unknown"
    PASSWORD_RESET = "password:reset"
    PASSWORD_CHANGED = "password:changed"
    PROFILE_UPDATED = "profile:updated"
    FACTOR_ADDED = "factor:added"
    FACTOR_REMOVED = "factor:removed"
    FACTOR_RENAMED = "factor:renamed"
    PASSKEY_COPY_SUSPECTED = "passkey:copy-suspected"
    PHONE_CHANGE_ASKED = "phone-change:asked"
    PHONE_CHANGE_CANCELLED = "phone-change:cancelled"
    PHONE_CHANGED = "phone:changed"
    RECOVERY_CODES_MADE = "recovery-codes:made"
    RECOVERY_CODE_USED = "recovery-code:used"
    STEP_UP_PASSED = "step-up:passed"
    STEP_UP_FAILED = "step-up:failed"
    CREDENTIAL_MADE = "credential:made"
    CREDENTIAL_REVOKED = "credential:revoked"
    CREDENTIAL_EXTENDED = "credential:extended"
    CREDENTIAL_ENDING = "credential:ending"
    CREDENTIAL_ENDED = "credential:ended"
    CREDENTIAL_EXPOSED = "credential:exposed"
    CREDENTIAL_LEAKED = "credential:leaked"
    CREDENTIAL_BURNED = "credential:burned"
    NAMED_TOKEN_MADE = "named-token:made"
    NAMED_TOKEN_CHANGED = "named-token:changed"
    NAMED_TOKEN_REVOKED = "named-token:revoked"
    NAMED_TOKEN_ENDED = "named-token:ended"
    TOKEN_END_NEARING = "token-end:nearing"
    TOKEN_LIFETIME_CHANGED = "token-lifetime:changed"
    API_CALL_REFUSED = "api-call:refused"
    ALLOWLIST_REQUESTED = "allowlist:requested"
    ALLOWLIST_APPROVED = "allowlist:approved"
    ALLOWLIST_DECLINED = "allowlist:declined"
    ALLOWLIST_ENTRY_ADDED = "allowlist-entry:added"
    ALLOWLIST_ENTRY_CHANGED = "allowlist-entry:changed"
    ALLOWLIST_ENTRY_REMOVED = "allowlist-entry:removed"
    ALLOWLIST_MODE_CHANGED = "allowlist:mode-changed"
    ALLOWLIST_CONFIRMED = "allowlist:confirmed"
    ALLOWLIST_REVERTED = "allowlist:reverted"
    ACCOUNT_LOCKED_DOWN = "account:locked-down"
    LOCKDOWN_STEP_DONE = "lockdown:step-done"
    LOCKDOWN_HANDLED = "lockdown:handled"
    TOKENS_REOPENED = "lockdown:tokens-reopened"
    ACCOUNT_REOPENED = "account:reopened"
    MEMBER_SIGNED_OUT = "member:signed-out"
    MAIL_CODE_REQUESTED = "mail-code:requested"
    REVERIFIED = "reverify:passed"
    REVERIFY_FAILED = "reverify:failed"
    ANOMALY_NOTED = "anomaly:noted"
    ANOMALY_ACKNOWLEDGED = "anomaly:acknowledged"
    CHECK_SNOOZED = "checkup:snoozed"
    CHECK_UNSNOOZED = "checkup:unsnoozed"
    SESSION_POLICY_CHANGED = "session-policy:changed"
    FACTOR_POLICY_SET = "factor-policy:set"
    FACTOR_POLICY_LIFTED = "factor-policy:lifted"
    FACTOR_POLICY_REMINDED = "factor-policy:reminded"
    RECOVERY_ASKED = "recovery:asked"
    RECOVERY_CONFIRMED = "recovery:confirmed"
    RECOVERY_VERIFIED = "recovery:verified"
    RECOVERY_APPROVED = "recovery:approved"
    RECOVERY_REMINDED = "recovery:reminded"
    RECOVERY_READY = "recovery:ready"
    RECOVERY_CANCELLED = "recovery:cancelled"
    RECOVERY_REJECTED = "recovery:rejected"
    RECOVERY_EXPIRED = "recovery:expired"
    RECOVERY_DONE = "recovery:done"
    STATEMENT_EXPORTED = "statement:exported"
    TRIAL_CREDIT_GRANTED = "trial-credit:granted"
    WEBHOOK_ADDED = "webhook:added"
    WEBHOOK_CHANGED = "webhook:changed"
    WEBHOOK_PAUSED = "webhook:paused"
    WEBHOOK_RESUMED = "webhook:resumed"
    WEBHOOK_SECRET_ROTATED = "webhook:secret-rotated"
    WEBHOOK_REMOVED = "webhook:removed"
    WEBHOOK_TESTED = "webhook-delivery:tested"
    WEBHOOK_REPLAYED = "webhook-delivery:replayed"
    WEBHOOK_FAILING = "webhook-delivery:failing"
    WEBHOOK_STOPPED = "webhook-delivery:stopped"
    SSO_CONNECTION_MADE = "sso:made"
    SSO_CONNECTION_CHANGED = "sso:changed"
    SSO_CONNECTION_REMOVED = "sso:removed"
    SSO_TESTED = "sso:tested"
    SSO_TURNED_ON = "sso:turned-on"
    SSO_TURNED_OFF = "sso:turned-off"
    SSO_ENFORCED = "sso:enforced"
    SSO_ENFORCEMENT_ENDED = "sso:enforcement-ended"
    SSO_METADATA_FAILING = "sso:metadata-failing"
    SSO_CERTIFICATE_ADDED = "sso-certificate:added"
    SSO_CERTIFICATE_REMOVED = "sso-certificate:removed"
    SSO_CERTIFICATE_ENDING = "sso-certificate:ending"
    SSO_DOMAIN_ADDED = "sso-domain:added"
    SSO_DOMAIN_VERIFIED = "sso-domain:verified"
    SSO_DOMAIN_REMOVED = "sso-domain:removed"
    SSO_REFUSED = "sso:refused"
    SSO_LINKED = "sso:linked"
    SSO_LOGGED_OUT = "sso:logged-out"
    SSO_BYPASSED = "sso:bypassed"
    USAGE_EXPORTED = "usage:exported"
    SUBACCOUNT_CREATED = "subaccount:created"
    SUBACCOUNT_RENAMED = "subaccount:renamed"
    SUBACCOUNT_ENABLED = "subaccount:enabled"
    SUBACCOUNT_DISABLED = "subaccount:disabled"
    SUBACCOUNT_NETWORKS_CHANGED = "subaccount:networks-changed"
    SUBACCOUNT_DELETED = "subaccount:deleted"
    SUBACCOUNT_LIMIT_CHANGED = "subaccount-limit:changed"
    SUBACCOUNT_LIMIT_NEARING = "subaccount-limit:nearing"
    SUBACCOUNT_LIMIT_REACHED = "subaccount-limit:reached"
    AUDIT_LOG_EXPORTED = "audit-log:exported"
    AUDIT_LOG_VERIFIED = "audit-log:verified"
    STAFF_MADE = "staff:made"
    STAFF_RULE_CHANGED = "staff-rule:changed"
    INVITATION_SENT = "invitation:sent"
    INVITATION_RESENT = "invitation:resent"
    INVITATION_REVOKED = "invitation:revoked"
    INVITATION_EXPIRED = "invitation:expired"
    INVITATION_ASKED = "invitation:asked"
    MEMBER_JOINED = "member:joined"
    MEMBER_ADDED = "member:added"
    MEMBER_SUSPENDED = "member:suspended"
    MEMBER_RESTORED = "member:restored"
    INVITATION_ROLE_CHANGED = "invitation:role-changed"
    INVITATION_ENDED = "invitation:ended"
    SCIM_TOKEN_MADE = "scim-token:made"
    SCIM_TOKEN_REVOKED = "scim-token:revoked"
    SCIM_USER_ADDED = "scim-user:added"
    SCIM_USER_CHANGED = "scim-user:changed"
    SCIM_USER_REMOVED = "scim-user:removed"
    SCIM_GROUP_ADDED = "scim-group:added"
    SCIM_GROUP_CHANGED = "scim-group:changed"
    SCIM_GROUP_REMOVED = "scim-group:removed"
    SCIM_GROUP_ROLE_SET = "scim-group:role-set"
    MEMBER_ROLE_CHANGED = "member:role-changed"
    MEMBER_RAISED = "member:raised"
    MEMBER_LOWERED = "member:lowered"
    MEMBER_END_CHANGED = "member:end-changed"
    MEMBER_END_NEAR = "member:end-near"
    MEMBER_ENDED = "member:ended"
    MEMBER_REMOVED = "member:removed"
    MEMBER_SESSIONS_ENDED = "member:sessions-ended"
    ROSTER_EXPORTED = "roster:exported"
    ROLE_SEEN = "role:seen"
    ACCESS_REVIEW_OPENED = "access-review:opened"
    ACCESS_REVIEW_DONE = "access-review:done"
    OWNERSHIP_TRANSFERRED = "ownership:transferred"
    APPLICATION_CREATED = "application:created"
    APPLICATION_CHANGED = "application:changed"
    APPLICATION_MOVED = "application:moved"
    APPLICATION_DELETED = "application:deleted"
    APPLICATIONS_MOVED = "applications:moved"
    APPLICATIONS_DELETED = "applications:deleted"
    ENDPOINT_CREATED = "endpoint:created"
    ENDPOINT_CHANGED = "endpoint:changed"
    ENDPOINT_DELETED = "endpoint:deleted"
    ENDPOINTS_MOVED = "endpoints:moved"
    ENDPOINTS_DELETED = "endpoints:deleted"
    PLAN_COMMITTED = "plan:committed"
    PLAN_ENDED = "plan:ended"
    PLAN_GRACE_ENDING = "plan:grace-ending"
    PLAN_GRACE_ENDED = "plan:grace-ended"
    PRICES_LOADED = "prices:loaded"
    PRICES_PUBLISHED = "prices:published"
    PRICE_CHANGE_ANNOUNCED = "price-change:announced"
    NUMBER_RENTED = "number:rented"
    NUMBER_CHANGED = "number:changed"
    NUMBER_MOVED = "number:moved"
    NUMBER_RELEASED = "number:released"
    NUMBERS_MOVED = "number:all-moved"
    NUMBERS_RELEASED = "number:all-released"
    NUMBERS_RENEWED = "number:renewed"
    NUMBERS_OVERDUE = "number:overdue"
    NUMBERS_ENDING = "number:ending"
    NUMBERS_LOST = "number:lost"
    INVENTORY_UPLOADED = "inventory:uploaded"
    INVENTORY_LOADED = "inventory:loaded"
    INVENTORY_DISCARDED = "inventory:discarded"
    SENDER_ID_REQUESTED = "sender-id:requested"
    SENDER_ID_APPROVED = "sender-id:approved"
    SENDER_ID_DECLINED = "sender-id:declined"
    SENDER_ID_REMOVED = "sender-id:removed"
    SENDER_IDS_MOVED = "sender-id:all-moved"
    SENDER_IDS_REMOVED = "sender-id:all-removed"


SENTENCES: Mapping[EventKind, str] = {
    EventKind.USER_SIGNED_UP: "signed up",
    EventKind.SIGN_UP_REPEATED: "asked to sign up again with an address that is in use",
    EventKind.ACTIVATION_REQUESTED: "asked for another activation link",
    EventKind.EMAIL_VERIFIED: "confirmed the email address",
    EventKind.PHONE_CODE_REQUESTED: "asked for a phone code",
    EventKind.PHONE_VERIFIED: "confirmed a phone number",
    EventKind.ACCOUNT_OPENED: "opened the account",
    EventKind.ACCOUNT_ACTIVATED: "activated the account",
    EventKind.ACCOUNT_UPDATED: "changed the company profile",
    EventKind.SIGN_IN_COMPLETED: "signed in",
    EventKind.SIGN_IN_BEGUN: "gave the right password",
    EventKind.SIGN_IN_FAILED: "failed to sign in",
    EventKind.SIGN_IN_LOCKED: "was locked out for a while after failed sign-ins",
    EventKind.SECOND_FACTOR_FAILED: "gave a wrong second factor",
    EventKind.NEW_DEVICE_SEEN: "signed in from a new device or network",
    EventKind.DEVICE_DISOWNED: "said that a sign-in was not theirs",
    EventKind.SIGNED_OUT: "signed out",
    EventKind.SESSION_ENDED: "ended a session",
    EventKind.SESSIONS_ENDED: "ended every other session",
    EventKind.PASSWORD_RESET_REQUESTED: "asked for a password reset",
    EventKind.PASSWORD_RESET_UNKNOWN: "asked for a password reset for an unknown address",
    EventKind.PASSWORD_RESET: "set a new password through a reset link",
    EventKind.PASSWORD_CHANGED: "changed the password",
    EventKind.PROFILE_UPDATED: "changed their profile",
    EventKind.FACTOR_ADDED: "added a second factor",
    EventKind.FACTOR_REMOVED: "removed a second factor",
    EventKind.FACTOR_RENAMED: "renamed a second factor",
    EventKind.PASSKEY_COPY_SUSPECTED: "used a passkey that may be a copy: its counter went back",
    EventKind.PHONE_CHANGE_ASKED: "asked to change the phone number",
    EventKind.PHONE_CHANGE_CANCELLED: "kept the phone number after all",
    EventKind.PHONE_CHANGED: "changed the phone number",
    EventKind.RECOVERY_CODES_MADE: "made new recovery codes",
    EventKind.RECOVERY_CODE_USED: "used a recovery code",
    EventKind.STEP_UP_PASSED: "confirmed it was them",
    EventKind.STEP_UP_FAILED: "failed to confirm it was them",
    EventKind.CREDENTIAL_MADE: "generated an Auth Token",
    EventKind.CREDENTIAL_REVOKED: "revoked an Auth Token",
    EventKind.CREDENTIAL_EXTENDED: "put off the end of an old Auth Token",
    EventKind.CREDENTIAL_ENDING: "warned that an old Auth Token ends soon",
    EventKind.CREDENTIAL_ENDED: "ended an Auth Token that was due",
    EventKind.CREDENTIAL_EXPOSED: "sent an Auth Token over http, without encryption",
    EventKind.CREDENTIAL_LEAKED: "revoked a token that was found in public",
    EventKind.CREDENTIAL_BURNED: "revoked a token because somebody who held it asked for it",
    EventKind.NAMED_TOKEN_MADE: "made a named token",
    EventKind.NAMED_TOKEN_CHANGED: "changed a named token",
    EventKind.NAMED_TOKEN_REVOKED: "revoked a named token",
    EventKind.NAMED_TOKEN_ENDED: "ended a named token",
    EventKind.TOKEN_END_NEARING: "warned that a token is near its end",
    EventKind.TOKEN_LIFETIME_CHANGED: "changed how long tokens may live",
    EventKind.API_CALL_REFUSED: "refused API calls with wrong credentials",
    EventKind.ALLOWLIST_REQUESTED: "asked for access to the IP allowlist",
    EventKind.ALLOWLIST_APPROVED: "granted access to the IP allowlist",
    EventKind.ALLOWLIST_DECLINED: "declined access to the IP allowlist",
    EventKind.ALLOWLIST_ENTRY_ADDED: "added an address to the IP allowlist",
    EventKind.ALLOWLIST_ENTRY_CHANGED: "changed an entry of the IP allowlist",
    EventKind.ALLOWLIST_ENTRY_REMOVED: "removed an address from the IP allowlist",
    EventKind.ALLOWLIST_MODE_CHANGED: "changed what the IP allowlist does",
    EventKind.ALLOWLIST_CONFIRMED: "confirmed that the IP allowlist enforces",
    EventKind.ALLOWLIST_REVERTED: "put the IP allowlist back to report only, because nobody confirmed it",
    EventKind.ACCOUNT_LOCKED_DOWN: "locked the account down",
    EventKind.LOCKDOWN_STEP_DONE: "did a step of the way back from the lock-down",
    EventKind.LOCKDOWN_HANDLED: "looked after the lock-down",
    EventKind.TOKENS_REOPENED: "let Auth Tokens be made again after the lock-down",
    EventKind.ACCOUNT_REOPENED: "reopened the account after the lock-down",
    EventKind.MEMBER_SIGNED_OUT: "signed a member out",
    EventKind.MAIL_CODE_REQUESTED: "asked for a mailed code",
    EventKind.REVERIFIED: "proved more than usual, as asked after a lock-down",
    EventKind.REVERIFY_FAILED: "failed to prove more than usual",
    EventKind.ANOMALY_NOTED: "noticed something unusual",
    EventKind.ANOMALY_ACKNOWLEDGED: "looked at something unusual",
    EventKind.CHECK_SNOOZED: "put off a finding of the security check-up",
    EventKind.CHECK_UNSNOOZED: "took up a finding of the security check-up again",
    EventKind.SESSION_POLICY_CHANGED: "changed how long members stay signed in",
    EventKind.FACTOR_POLICY_SET: "asked members for an authenticator app or a passkey",
    EventKind.FACTOR_POLICY_LIFTED: "let members sign in with any second factor",
    EventKind.FACTOR_POLICY_REMINDED: "reminded members to add an authenticator app or a passkey",
    EventKind.RECOVERY_ASKED: "asked for recovery after losing every factor",
    EventKind.RECOVERY_CONFIRMED: "confirmed the request for recovery by mail",
    EventKind.RECOVERY_VERIFIED: "verified who asks for recovery",
    EventKind.RECOVERY_APPROVED: "approved a recovery",
    EventKind.RECOVERY_REMINDED: "told about a recovery that waits",
    EventKind.RECOVERY_READY: "sent the link of a recovery",
    EventKind.RECOVERY_CANCELLED: "cancelled a recovery",
    EventKind.RECOVERY_REJECTED: "rejected a recovery",
    EventKind.RECOVERY_EXPIRED: "let a recovery expire",
    EventKind.RECOVERY_DONE: "removed every lost factor by recovery",
    EventKind.STATEMENT_EXPORTED: "exported a statement",
    EventKind.TRIAL_CREDIT_GRANTED: "granted the trial credit",
    EventKind.WEBHOOK_ADDED: "added a webhook",
    EventKind.WEBHOOK_CHANGED: "changed a webhook",
    EventKind.WEBHOOK_PAUSED: "paused a webhook",
    EventKind.WEBHOOK_RESUMED: "turned a webhook on again",
    EventKind.WEBHOOK_SECRET_ROTATED: "made a new secret for a webhook",
    EventKind.WEBHOOK_REMOVED: "removed a webhook",
    EventKind.WEBHOOK_TESTED: "sent a test event to a webhook",
    EventKind.WEBHOOK_REPLAYED: "sent events to a webhook again",
    EventKind.WEBHOOK_FAILING: "could not reach a webhook for a day",
    EventKind.WEBHOOK_STOPPED: "stopped a webhook that took nothing",
    EventKind.SSO_CONNECTION_MADE: "began to set up single sign-on",
    EventKind.SSO_CONNECTION_CHANGED: "changed single sign-on",
    EventKind.SSO_CONNECTION_REMOVED: "removed single sign-on",
    EventKind.SSO_TESTED: "tested single sign-on",
    EventKind.SSO_TURNED_ON: "turned single sign-on on",
    EventKind.SSO_TURNED_OFF: "turned single sign-on off",
    EventKind.SSO_ENFORCED: "asked members to sign in with the identity provider",
    EventKind.SSO_ENFORCEMENT_ENDED: "let members sign in with their passwords again",
    EventKind.SSO_METADATA_FAILING: "could not read the metadata of the identity provider",
    EventKind.SSO_CERTIFICATE_ADDED: "added a certificate of the identity provider",
    EventKind.SSO_CERTIFICATE_REMOVED: "removed a certificate of the identity provider",
    EventKind.SSO_CERTIFICATE_ENDING: "wrote that a certificate of the identity provider ends",
    EventKind.SSO_DOMAIN_ADDED: "claimed an email domain",
    EventKind.SSO_DOMAIN_VERIFIED: "proved an email domain by DNS",
    EventKind.SSO_DOMAIN_REMOVED: "gave up an email domain",
    EventKind.SSO_REFUSED: "was refused at single sign-on",
    EventKind.SSO_LINKED: "was linked to the identity provider",
    EventKind.SSO_LOGGED_OUT: "was signed out by the identity provider",
    EventKind.SSO_BYPASSED: "signed in with the password although the identity provider is required",
    EventKind.USAGE_EXPORTED: "exported the usage log",
    EventKind.SUBACCOUNT_CREATED: "created a subaccount",
    EventKind.SUBACCOUNT_RENAMED: "renamed a subaccount",
    EventKind.SUBACCOUNT_ENABLED: "enabled a subaccount",
    EventKind.SUBACCOUNT_DISABLED: "disabled a subaccount",
    EventKind.SUBACCOUNT_NETWORKS_CHANGED: "changed the addresses that may call as a subaccount",
    EventKind.SUBACCOUNT_DELETED: "deleted a subaccount",
    EventKind.SUBACCOUNT_LIMIT_CHANGED: "changed what a subaccount may spend",
    EventKind.SUBACCOUNT_LIMIT_NEARING: "warned that a subaccount is near its limit",
    EventKind.SUBACCOUNT_LIMIT_REACHED: "wrote that a subaccount reached its limit",
    EventKind.AUDIT_LOG_EXPORTED: "exported the audit log",
    EventKind.AUDIT_LOG_VERIFIED: "verified the audit log",
    EventKind.STAFF_MADE: "made a staff member",
    EventKind.STAFF_RULE_CHANGED: "changed a rule of the provider",
    EventKind.INVITATION_SENT: "invited somebody to the team",
    EventKind.INVITATION_RESENT: "sent an invitation again with a new link",
    EventKind.INVITATION_REVOKED: "took an invitation back",
    EventKind.INVITATION_EXPIRED: "let an invitation end that nobody accepted",
    EventKind.INVITATION_ASKED: "asked for another invitation",
    EventKind.MEMBER_JOINED: "joined the team",
    EventKind.MEMBER_ADDED: "added a member from the directory",
    EventKind.MEMBER_SUSPENDED: "suspended a member",
    EventKind.MEMBER_RESTORED: "let a suspended member in again",
    EventKind.INVITATION_ROLE_CHANGED: "changed the role of an invitation",
    EventKind.INVITATION_ENDED: "ended an invitation because whoever sent it may not invite any more",
    EventKind.SCIM_TOKEN_MADE: "made a token for provisioning",
    EventKind.SCIM_TOKEN_REVOKED: "revoked a token for provisioning",
    EventKind.SCIM_USER_ADDED: "provisioned a person",
    EventKind.SCIM_USER_CHANGED: "changed what the directory says of a person",
    EventKind.SCIM_USER_REMOVED: "took a person out of the directory",
    EventKind.SCIM_GROUP_ADDED: "added a group of the directory",
    EventKind.SCIM_GROUP_CHANGED: "changed a group of the directory",
    EventKind.SCIM_GROUP_REMOVED: "removed a group of the directory",
    EventKind.SCIM_GROUP_ROLE_SET: "set the role of a group of the directory",
    EventKind.MEMBER_ROLE_CHANGED: "changed the role of a member",
    EventKind.MEMBER_RAISED: "made a member Admin for a while",
    EventKind.MEMBER_LOWERED: "gave a member who was Admin for a while their own role back",
    EventKind.MEMBER_END_CHANGED: "changed when a membership ends",
    EventKind.MEMBER_END_NEAR: "wrote that a membership ends soon",
    EventKind.MEMBER_ENDED: "ended a membership that was due",
    EventKind.MEMBER_REMOVED: "removed a member from the team",
    EventKind.MEMBER_SESSIONS_ENDED: "ended the sessions of a member",
    EventKind.ROSTER_EXPORTED: "exported the roster of the team",
    EventKind.ACCESS_REVIEW_OPENED: "asked for the access review of the quarter",
    EventKind.ACCESS_REVIEW_DONE: "reviewed who has access",
    EventKind.ROLE_SEEN: "looked at the console as another role",
    EventKind.OWNERSHIP_TRANSFERRED: "made another member the owner",
    EventKind.APPLICATION_CREATED: "made an application",
    EventKind.APPLICATION_CHANGED: "changed an application",
    EventKind.APPLICATION_MOVED: "moved an application with its endpoints",
    EventKind.APPLICATION_DELETED: "deleted an application",
    EventKind.APPLICATIONS_MOVED: "moved the applications of a subaccount to the main account",
    EventKind.APPLICATIONS_DELETED: "deleted the applications of a subaccount",
    EventKind.ENDPOINT_CREATED: "made an endpoint",
    EventKind.ENDPOINT_CHANGED: "changed an endpoint",
    EventKind.ENDPOINT_DELETED: "deleted an endpoint",
    EventKind.ENDPOINTS_MOVED: "moved the endpoints of a subaccount to the main account",
    EventKind.ENDPOINTS_DELETED: "deleted the endpoints of a subaccount",
    EventKind.PLAN_COMMITTED: "committed the account to a plan",
    EventKind.PLAN_ENDED: "ended a plan that was due",
    EventKind.PLAN_GRACE_ENDING: "wrote that the team is suspended soon, because the plan ended",
    EventKind.PLAN_GRACE_ENDED: "suspended the team, because the plan ended",
    EventKind.PRICES_LOADED: "loaded a file of prices",
    EventKind.PRICES_PUBLISHED: "published a price list",
    EventKind.PRICE_CHANGE_ANNOUNCED: "announced new prices",
    EventKind.NUMBER_RENTED: "rented a number",
    EventKind.NUMBER_CHANGED: "changed a number",
    EventKind.NUMBER_MOVED: "moved a number",
    EventKind.NUMBER_RELEASED: "gave a number back",
    EventKind.NUMBERS_MOVED: "moved the numbers of a subaccount to the main account",
    EventKind.NUMBERS_RELEASED: "gave the numbers of a subaccount back",
    EventKind.NUMBERS_RENEWED: "renewed numbers for a month",
    EventKind.NUMBERS_OVERDUE: "could not renew numbers, because the balance was too low",
    EventKind.NUMBERS_ENDING: "warned that numbers are given back soon, because their rent is not paid",
    EventKind.NUMBERS_LOST: "gave numbers back, because their rent was not paid",
    EventKind.INVENTORY_UPLOADED: "uploaded numbers for the inventory",
    EventKind.INVENTORY_LOADED: "loaded numbers into the inventory",
    EventKind.INVENTORY_DISCARDED: "threw an upload of numbers away",
    EventKind.SENDER_ID_REQUESTED: "asked for a sender ID",
    EventKind.SENDER_ID_APPROVED: "whitelisted a sender ID",
    EventKind.SENDER_ID_DECLINED: "declined a sender ID",
    EventKind.SENDER_ID_REMOVED: "removed a sender ID",
    EventKind.SENDER_IDS_MOVED: "moved the sender IDs of a subaccount to the main account",
    EventKind.SENDER_IDS_REMOVED: "removed the sender IDs of a subaccount",
}

_subscribers: dict[EventKind, list[str]] = defaultdict(list)


def record(
    kind: EventKind,
    *,
    actor: Actor,
    target: Model | None = None,
    account: Model | None = None,
    at: datetime | None = None,
    **data: Any,
) -> AuditEvent:
    """Append an audit event and queue its deliveries in the caller's transaction.

    ``at`` is now unless said otherwise. ``data`` holds ids and before/after values, never a secret. The event joins the chain of ``account``,
    else of the actor's account, else of the staff, else of the actor's user, else of the system.

    :raises RuntimeError: outside a transaction
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() needs an open transaction.")
    event = AuditEvent.append(kind, actor=actor, target=target, account=account, data=data, at=at)
    deliveries = Delivery.objects.bulk_create(
        Delivery(event=event, task=name, due_at=timezone.now()) for name in _subscribers[kind]
    )
    transaction.on_commit(lambda: publish(deliveries), robust=True)
    return event


def publish(deliveries: Iterable[Delivery]) -> None:
    """Hand deliveries to the workers; beat calls this again for overdue ones."""
    send_tasks((delivery.task, {"delivery_id": delivery.pk}) for delivery in deliveries)


def send_tasks(calls: Iterable[tuple[str, dict[str, int]]]) -> bool:
    """Send task messages; False when the broker is away, and the rows wait in PostgreSQL."""
    try:
        for name, arguments in calls:
            current_app.send_task(name, kwargs=arguments, retry=False)
    except (OperationalError, OSError) as error:
        _log.warning("broker is away, work waits in the database", extra={"reason": type(error).__name__})
        return False
    return True


def subscribers_of(kind: EventKind) -> list[str]:
    """Return the names of the tasks that react to the kind."""
    return list(_subscribers[kind])


def subscriber(*kinds: EventKind) -> Callable[[Handler], Task]:
    """Turn ``function(event)`` into a task that succeeds once per event.

    The function runs in one transaction together with the mark that it is done; it must not call
    the network, and queues mails and texts as rows.
    """

    def decorate(function: Handler) -> Task:
        name = f"{function.__module__.partition('.')[0]}.{function.__name__}"
        for kind in kinds:
            _subscribers[kind].append(name)

        @shared_task(name=name)
        @wraps(function)
        def task(*, delivery_id: int, **_later: object) -> None:
            run_delivery(delivery_id, function)

        return task

    return decorate


def run_delivery(delivery_id: int, function: Handler) -> None:
    """Run the handler of one delivery, unless somebody else does or did."""
    lease_for = settings.CONSOLE_LEASE_SECONDS
    delivery = Delivery.lease(delivery_id, now=timezone.now(), seconds=lease_for)
    if delivery is None:
        return
    try:
        with transaction.atomic():
            # The row lock makes a slow first run and its repetition exclude each other.
            if not Delivery.objects.select_for_update().filter(pk=delivery.pk, done_at=None).exists():
                return
            function(delivery.event)
            delivery.finish(now=timezone.now())
    except Exception as error:
        delivery.postpone(now=timezone.now(), reason=type(error).__name__)
        _log.exception("delivery failed", extra={"delivery": delivery_id, "task": delivery.task})
        raise

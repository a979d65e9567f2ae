"""Name every fact that the console records, with its sentence for the audit log."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self


class EventKind(StrEnum):
    """A fact, written ``thing:past-tense``, and the sentence that follows the name of who did it."""

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        """Make a kind that is its tag and knows its sentence."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.sentence = sentence
        return kind

    USER_SIGNED_UP = "user:signed-up", "signed up"
    SIGN_UP_REPEATED = "sign-up:repeated", "asked to sign up again with an address that is in use"
    ACTIVATION_REQUESTED = "activation:requested", "asked for another activation link"
    EMAIL_VERIFIED = "email:verified", "confirmed the email address"
    PHONE_CODE_REQUESTED = "phone-code:requested", "asked for a phone code"
    PHONE_VERIFIED = "phone:verified", "confirmed a phone number"
    ACCOUNT_OPENED = "account:opened", "opened the account"
    ACCOUNT_ACTIVATED = "account:activated", "activated the account"
    ACCOUNT_UPDATED = "account:updated", "changed the company profile"
    SIGN_IN_COMPLETED = "sign-in:completed", "signed in"
    SIGN_IN_BEGUN = "sign-in:begun", "gave the right password"
    SIGN_IN_FAILED = "sign-in:failed", "failed to sign in"
    SIGN_IN_LOCKED = "sign-in:locked", "was locked out for a while after failed sign-ins"
    SECOND_FACTOR_FAILED = "second-factor:failed", "gave a wrong second factor"
    NEW_DEVICE_SEEN = "device:seen", "signed in from a new device or network"
    DEVICE_DISOWNED = "device:disowned", "said that a sign-in was not theirs"
    SIGNED_OUT = "session:signed-out", "signed out"
    SESSION_ENDED = "session:ended", "ended a session"
    SESSIONS_ENDED = "sessions:ended", "ended every other session"
    PASSWORD_RESET_REQUESTED = "password-reset:requested", "asked for a password reset"
    PASSWORD_RESET_UNKNOWN = "password-reset:unknown", "asked for a password reset for an unknown address"
    PASSWORD_RESET = "password:reset", "set a new password through a reset link"
    PASSWORD_CHANGED = "password:changed", "changed the password"
    PROFILE_UPDATED = "profile:updated", "changed their profile"
    FACTOR_ADDED = "factor:added", "added a second factor"
    FACTOR_REMOVED = "factor:removed", "removed a second factor"
    FACTOR_RENAMED = "factor:renamed", "renamed a second factor"
    PASSKEY_COPY_SUSPECTED = (
        "passkey:copy-suspected",
        "used a passkey that may be a copy: its counter went back",
    )
    PHONE_CHANGE_ASKED = "phone-change:asked", "asked to change the phone number"
    PHONE_CHANGE_CANCELLED = "phone-change:cancelled", "kept the phone number after all"
    PHONE_CHANGED = "phone:changed", "changed the phone number"
    RECOVERY_CODES_MADE = "recovery-codes:made", "made new recovery codes"
    RECOVERY_CODE_USED = "recovery-code:used", "used a recovery code"
    STEP_UP_PASSED = "step-up:passed", "confirmed it was them"
    STEP_UP_FAILED = "step-up:failed", "failed to confirm it was them"
    CREDENTIAL_MADE = "credential:made", "generated an Auth Token"
    CREDENTIAL_REVOKED = "credential:revoked", "revoked an Auth Token"
    CREDENTIAL_EXTENDED = "credential:extended", "put off the end of an old Auth Token"
    CREDENTIAL_ENDING = "credential:ending", "warned that an old Auth Token ends soon"
    CREDENTIAL_ENDED = "credential:ended", "ended an Auth Token that was due"
    CREDENTIAL_EXPOSED = "credential:exposed", "sent an Auth Token over http, without encryption"
    CREDENTIAL_LEAKED = "credential:leaked", "revoked a token that was found in public"
    CREDENTIAL_BURNED = "credential:burned", "revoked a token because somebody who held it asked for it"
    NAMED_TOKEN_MADE = "named-token:made", "made a named token"
    NAMED_TOKEN_CHANGED = "named-token:changed", "changed a named token"
    NAMED_TOKEN_REVOKED = "named-token:revoked", "revoked a named token"
    NAMED_TOKEN_ENDED = "named-token:ended", "ended a named token"
    TOKEN_END_NEARING = "token-end:nearing", "warned that a token is near its end"
    TOKEN_LIFETIME_CHANGED = "token-lifetime:changed", "changed how long tokens may live"
    API_CALL_REFUSED = "api-call:refused", "refused API calls with wrong credentials"
    ALLOWLIST_REQUESTED = "allowlist:requested", "asked for access to the IP allowlist"
    ALLOWLIST_APPROVED = "allowlist:approved", "granted access to the IP allowlist"
    ALLOWLIST_DECLINED = "allowlist:declined", "declined access to the IP allowlist"
    ALLOWLIST_ENTRY_ADDED = "allowlist-entry:added", "added an address to the IP allowlist"
    ALLOWLIST_ENTRY_CHANGED = "allowlist-entry:changed", "changed an entry of the IP allowlist"
    ALLOWLIST_ENTRY_REMOVED = "allowlist-entry:removed", "removed an address from the IP allowlist"
    ALLOWLIST_MODE_CHANGED = "allowlist:mode-changed", "changed what the IP allowlist does"
    ALLOWLIST_CONFIRMED = "allowlist:confirmed", "confirmed that the IP allowlist enforces"
    ALLOWLIST_REVERTED = (
        "allowlist:reverted",
        "put the IP allowlist back to report only, because nobody confirmed it",
    )
    ACCOUNT_LOCKED_DOWN = "account:locked-down", "locked the account down"
    LOCKDOWN_STEP_DONE = "lockdown:step-done", "did a step of the way back from the lock-down"
    LOCKDOWN_HANDLED = "lockdown:handled", "looked after the lock-down"
    TOKENS_REOPENED = "lockdown:tokens-reopened", "let Auth Tokens be made again after the lock-down"
    ACCOUNT_REOPENED = "account:reopened", "reopened the account after the lock-down"
    MEMBER_SIGNED_OUT = "member:signed-out", "signed a member out"
    MAIL_CODE_REQUESTED = "mail-code:requested", "asked for a mailed code"
    REVERIFIED = "reverify:passed", "proved more than usual, as asked after a lock-down"
    REVERIFY_FAILED = "reverify:failed", "failed to prove more than usual"
    ANOMALY_NOTED = "anomaly:noted", "noticed something unusual"
    ANOMALY_ACKNOWLEDGED = "anomaly:acknowledged", "looked at something unusual"
    CHECK_SNOOZED = "checkup:snoozed", "put off a finding of the security check-up"
    CHECK_UNSNOOZED = "checkup:unsnoozed", "took up a finding of the security check-up again"
    SESSION_POLICY_CHANGED = "session-policy:changed", "changed how long members stay signed in"
    FACTOR_POLICY_SET = "factor-policy:set", "asked members for an authenticator app or a passkey"
    FACTOR_POLICY_LIFTED = "factor-policy:lifted", "let members sign in with any second factor"
    FACTOR_POLICY_REMINDED = (
        "factor-policy:reminded",
        "reminded members to add an authenticator app or a passkey",
    )
    RECOVERY_ASKED = "recovery:asked", "asked for recovery after losing every factor"
    RECOVERY_CONFIRMED = "recovery:confirmed", "confirmed the request for recovery by mail"
    RECOVERY_VERIFIED = "recovery:verified", "verified who asks for recovery"
    RECOVERY_APPROVED = "recovery:approved", "approved a recovery"
    RECOVERY_REMINDED = "recovery:reminded", "told about a recovery that waits"
    RECOVERY_READY = "recovery:ready", "sent the link of a recovery"
    RECOVERY_CANCELLED = "recovery:cancelled", "cancelled a recovery"
    RECOVERY_REJECTED = "recovery:rejected", "rejected a recovery"
    RECOVERY_EXPIRED = "recovery:expired", "let a recovery expire"
    RECOVERY_DONE = "recovery:done", "removed every lost factor by recovery"
    STATEMENT_EXPORTED = "statement:exported", "exported a statement"
    TRIAL_CREDIT_GRANTED = "trial-credit:granted", "granted the trial credit"
    WEBHOOK_ADDED = "webhook:added", "added a webhook"
    WEBHOOK_CHANGED = "webhook:changed", "changed a webhook"
    WEBHOOK_PAUSED = "webhook:paused", "paused a webhook"
    WEBHOOK_RESUMED = "webhook:resumed", "turned a webhook on again"
    WEBHOOK_SECRET_ROTATED = "webhook:secret-rotated", "made a new secret for a webhook"
    WEBHOOK_REMOVED = "webhook:removed", "removed a webhook"
    WEBHOOK_TESTED = "webhook-delivery:tested", "sent a test event to a webhook"
    WEBHOOK_REPLAYED = "webhook-delivery:replayed", "sent events to a webhook again"
    WEBHOOK_FAILING = "webhook-delivery:failing", "could not reach a webhook for a day"
    WEBHOOK_STOPPED = "webhook-delivery:stopped", "stopped a webhook that took nothing"
    SSO_CONNECTION_MADE = "sso:made", "began to set up single sign-on"
    SSO_CONNECTION_CHANGED = "sso:changed", "changed single sign-on"
    SSO_CONNECTION_REMOVED = "sso:removed", "removed single sign-on"
    SSO_TESTED = "sso:tested", "tested single sign-on"
    SSO_TURNED_ON = "sso:turned-on", "turned single sign-on on"
    SSO_TURNED_OFF = "sso:turned-off", "turned single sign-on off"
    SSO_ENFORCED = "sso:enforced", "asked members to sign in with the identity provider"
    SSO_ENFORCEMENT_ENDED = "sso:enforcement-ended", "let members sign in with their passwords again"
    SSO_METADATA_FAILING = "sso:metadata-failing", "could not read the metadata of the identity provider"
    SSO_CERTIFICATE_ADDED = "sso-certificate:added", "added a certificate of the identity provider"
    SSO_CERTIFICATE_REMOVED = "sso-certificate:removed", "removed a certificate of the identity provider"
    SSO_CERTIFICATE_ENDING = (
        "sso-certificate:ending",
        "wrote that a certificate of the identity provider ends",
    )
    SSO_DOMAIN_ADDED = "sso-domain:added", "claimed an email domain"
    SSO_DOMAIN_VERIFIED = "sso-domain:verified", "proved an email domain by DNS"
    SSO_DOMAIN_REMOVED = "sso-domain:removed", "gave up an email domain"
    SSO_REFUSED = "sso:refused", "was refused at single sign-on"
    SSO_LINKED = "sso:linked", "was linked to the identity provider"
    SSO_LOGGED_OUT = "sso:logged-out", "was signed out by the identity provider"
    SSO_BYPASSED = "sso:bypassed", "signed in with the password although the identity provider is required"
    USAGE_EXPORTED = "usage:exported", "exported the usage log"
    SUBACCOUNT_CREATED = "subaccount:created", "created a subaccount"
    SUBACCOUNT_RENAMED = "subaccount:renamed", "renamed a subaccount"
    SUBACCOUNT_ENABLED = "subaccount:enabled", "enabled a subaccount"
    SUBACCOUNT_DISABLED = "subaccount:disabled", "disabled a subaccount"
    SUBACCOUNT_NETWORKS_CHANGED = (
        "subaccount:networks-changed",
        "changed the addresses that may call as a subaccount",
    )
    SUBACCOUNT_DELETED = "subaccount:deleted", "deleted a subaccount"
    SUBACCOUNT_LIMIT_CHANGED = "subaccount-limit:changed", "changed what a subaccount may spend"
    SUBACCOUNT_LIMIT_NEARING = "subaccount-limit:nearing", "warned that a subaccount is near its limit"
    SUBACCOUNT_LIMIT_REACHED = "subaccount-limit:reached", "wrote that a subaccount reached its limit"
    AUDIT_LOG_EXPORTED = "audit-log:exported", "exported the audit log"
    AUDIT_LOG_VERIFIED = "audit-log:verified", "verified the audit log"
    STAFF_MADE = "staff:made", "made a staff member"
    STAFF_RULE_CHANGED = "staff-rule:changed", "changed a rule of the provider"
    INVITATION_SENT = "invitation:sent", "invited somebody to the team"
    INVITATION_RESENT = "invitation:resent", "sent an invitation again with a new link"
    INVITATION_REVOKED = "invitation:revoked", "took an invitation back"
    INVITATION_EXPIRED = "invitation:expired", "let an invitation end that nobody accepted"
    INVITATION_ASKED = "invitation:asked", "asked for another invitation"
    MEMBER_JOINED = "member:joined", "joined the team"
    MEMBER_ADDED = "member:added", "added a member from the directory"
    MEMBER_SUSPENDED = "member:suspended", "suspended a member"
    MEMBER_RESTORED = "member:restored", "let a suspended member in again"
    INVITATION_ROLE_CHANGED = "invitation:role-changed", "changed the role of an invitation"
    INVITATION_ENDED = (
        "invitation:ended",
        "ended an invitation because whoever sent it may not invite any more",
    )
    SCIM_TOKEN_MADE = "scim-token:made", "made a token for provisioning"
    SCIM_TOKEN_REVOKED = "scim-token:revoked", "revoked a token for provisioning"
    SCIM_USER_ADDED = "scim-user:added", "provisioned a person"
    SCIM_USER_CHANGED = "scim-user:changed", "changed what the directory says of a person"
    SCIM_USER_REMOVED = "scim-user:removed", "took a person out of the directory"
    SCIM_GROUP_ADDED = "scim-group:added", "added a group of the directory"
    SCIM_GROUP_CHANGED = "scim-group:changed", "changed a group of the directory"
    SCIM_GROUP_REMOVED = "scim-group:removed", "removed a group of the directory"
    SCIM_GROUP_ROLE_SET = "scim-group:role-set", "set the role of a group of the directory"
    MEMBER_ROLE_CHANGED = "member:role-changed", "changed the role of a member"
    MEMBER_RAISED = "member:raised", "made a member Admin for a while"
    MEMBER_LOWERED = "member:lowered", "gave a member who was Admin for a while their own role back"
    MEMBER_END_CHANGED = "member:end-changed", "changed when a membership ends"
    MEMBER_END_NEAR = "member:end-near", "wrote that a membership ends soon"
    MEMBER_ENDED = "member:ended", "ended a membership that was due"
    MEMBER_REMOVED = "member:removed", "removed a member from the team"
    MEMBER_SESSIONS_ENDED = "member:sessions-ended", "ended the sessions of a member"
    ROSTER_EXPORTED = "roster:exported", "exported the roster of the team"
    ROLE_SEEN = "role:seen", "looked at the console as another role"
    ACCESS_REVIEW_OPENED = "access-review:opened", "asked for the access review of the quarter"
    ACCESS_REVIEW_DONE = "access-review:done", "reviewed who has access"
    OWNERSHIP_TRANSFERRED = "ownership:transferred", "made another member the owner"
    APPLICATION_CREATED = "application:created", "made an application"
    APPLICATION_CHANGED = "application:changed", "changed an application"
    APPLICATION_MOVED = "application:moved", "moved an application with its endpoints"
    APPLICATION_DELETED = "application:deleted", "deleted an application"
    APPLICATIONS_MOVED = "applications:moved", "moved the applications of a subaccount to the main account"
    APPLICATIONS_DELETED = "applications:deleted", "deleted the applications of a subaccount"
    ENDPOINT_CREATED = "endpoint:created", "made an endpoint"
    ENDPOINT_CHANGED = "endpoint:changed", "changed an endpoint"
    ENDPOINT_DELETED = "endpoint:deleted", "deleted an endpoint"
    ENDPOINTS_MOVED = "endpoints:moved", "moved the endpoints of a subaccount to the main account"
    ENDPOINTS_DELETED = "endpoints:deleted", "deleted the endpoints of a subaccount"
    PLAN_COMMITTED = "plan:committed", "committed the account to a plan"
    PLAN_ENDED = "plan:ended", "ended a plan that was due"
    PLAN_GRACE_ENDING = "plan:grace-ending", "wrote that the team is suspended soon, because the plan ended"
    PLAN_GRACE_ENDED = "plan:grace-ended", "suspended the team, because the plan ended"
    BALANCE_ALERT_FIRED = "balance-alert:fired", "told that the balance fell below an amount"
    BALANCE_ALERT_AMOUNTS_CHANGED = (
        "balance-alert:amounts-changed",
        "changed the amounts of the balance alerts",
    )
    BALANCE_ALERT_ADDRESS_ADDED = "balance-alert:address-added", "added an address for balance alerts"
    BALANCE_ALERT_LINK_SENT = "balance-alert:link-sent", "sent an address for balance alerts another link"
    BALANCE_ALERT_ADDRESS_CONFIRMED = (
        "balance-alert:address-confirmed",
        "saw an address for balance alerts confirmed",
    )
    BALANCE_ALERT_ADDRESS_REMOVED = "balance-alert:address-removed", "removed an address for balance alerts"
    BALANCE_ALERT_ADDRESS_STOPPED = (
        "balance-alert:address-stopped",
        "took an address off the balance alerts, because it asked",
    )
    BALANCE_ALERT_TESTED = "balance-alert:tested", "sent a test of the balance alerts"
    BALANCE_ALERT_RECOVERED = "balance-alert:recovered", "told that the balance is back above an amount"
    PRICES_LOADED = "prices:loaded", "loaded a file of prices"
    PRICES_PUBLISHED = "prices:published", "published a price list"
    PRICE_CHANGE_ANNOUNCED = "price-change:announced", "announced new prices"
    AUTO_RECHARGE_SET = "auto-recharge:set", "set up auto-recharge"
    AUTO_RECHARGE_TURNED_OFF = "auto-recharge:turned-off", "turned auto-recharge off"
    AUTO_RECHARGE_PAUSED = "auto-recharge:paused", "paused auto-recharge"
    AUTO_RECHARGE_RESTED = "auto-recharge:rested", "let auto-recharge rest, because a cap is reached"
    AUTO_RECHARGE_RESUMED = "auto-recharge:resumed", "resumed auto-recharge"
    CARD_ADDED = "card:added", "saved a card"
    CARD_MADE_DEFAULT = "card:made-default", "made another card the default"
    CARD_REMOVED = "card:removed", "removed a card"
    RECHARGE_ASKED = "recharge:asked", "asked to add credit by card"
    RECHARGE_SUCCEEDED = "recharge:succeeded", "added credit by card"
    RECHARGE_FAILED = "recharge:failed", "could not add credit by card"
    NUMBER_RENTED = "number:rented", "rented a number"
    NUMBER_CHANGED = "number:changed", "changed a number"
    NUMBER_MOVED = "number:moved", "moved a number"
    NUMBER_RELEASED = "number:released", "gave a number back"
    NUMBERS_MOVED = "number:all-moved", "moved the numbers of a subaccount to the main account"
    NUMBERS_RELEASED = "number:all-released", "gave the numbers of a subaccount back"
    NUMBERS_RENEWED = "number:renewed", "renewed numbers for a month"
    NUMBERS_OVERDUE = "number:overdue", "could not renew numbers, because the balance was too low"
    NUMBERS_ENDING = (
        "number:ending",
        "warned that numbers are given back soon, because their rent is not paid",
    )
    NUMBERS_LOST = "number:lost", "gave numbers back, because their rent was not paid"
    INVENTORY_UPLOADED = "inventory:uploaded", "uploaded numbers for the inventory"
    INVENTORY_LOADED = "inventory:loaded", "loaded numbers into the inventory"
    INVENTORY_DISCARDED = "inventory:discarded", "threw an upload of numbers away"
    SENDER_ID_REQUESTED = "sender-id:requested", "asked for a sender ID"
    SENDER_ID_APPROVED = "sender-id:approved", "whitelisted a sender ID"
    SENDER_ID_DECLINED = "sender-id:declined", "declined a sender ID"
    SENDER_ID_REMOVED = "sender-id:removed", "removed a sender ID"
    SENDER_IDS_MOVED = "sender-id:all-moved", "moved the sender IDs of a subaccount to the main account"
    SENDER_IDS_REMOVED = "sender-id:all-removed", "removed the sender IDs of a subaccount"


SENTENCES: Mapping[EventKind, str] = {kind: kind.sentence for kind in EventKind}

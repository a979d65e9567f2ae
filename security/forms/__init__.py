"""Forms of the security pages."""

from security.forms.allowlist import (
    AllowlistChangeForm,
    AllowlistDecisionForm,
    AllowlistEntryForm,
    AllowlistRequestForm,
)
from security.forms.audit import AuditForm, kind_choices
from security.forms.compromise import ChoiceOfAccountForm, LockdownNoteForm, SnoozeForm
from security.forms.factors import AppCodeForm, CodeForm, KeptForm, PasswordForm, PhoneForm, RecoveryCodeForm
from security.forms.passkeys import NewPasskeyForm, PasskeyForm, PasskeyNameForm
from security.forms.recovery import RecoveryDecisionForm, RecoveryFinishForm, RecoveryForm
from security.forms.rules import FactorPolicyForm
from security.forms.session_policy import SessionPolicyForm

__all__ = [
    "AllowlistChangeForm",
    "AllowlistDecisionForm",
    "AllowlistEntryForm",
    "AllowlistRequestForm",
    "AppCodeForm",
    "AuditForm",
    "ChoiceOfAccountForm",
    "CodeForm",
    "FactorPolicyForm",
    "KeptForm",
    "LockdownNoteForm",
    "NewPasskeyForm",
    "PasskeyForm",
    "PasskeyNameForm",
    "PasswordForm",
    "PhoneForm",
    "RecoveryCodeForm",
    "RecoveryDecisionForm",
    "RecoveryFinishForm",
    "RecoveryForm",
    "SessionPolicyForm",
    "SnoozeForm",
    "kind_choices",
]

"""How we are sure: second factors, recovery codes, acts that wait for a confirmation, and the IP allowlist."""

from security.models.acts import HeldAct, HeldFile
from security.models.allowlist import AllowlistAccess, AllowlistEntry, CidrField
from security.models.checkup import CheckupSnooze
from security.models.factors import AuthenticatorDevice, PhoneChange, PhoneDevice, RecoveryCode
from security.models.lockdown import Anomaly, Lockdown, LockdownStep, MailCode
from security.models.passkeys import PasskeyChallenge, PasskeyDevice
from security.models.recovery import RecoveryRequest
from security.models.rules import FactorPolicy
from security.models.scim import ScimGroup, ScimGroupMember, ScimToken, ScimUser
from security.models.sso import (
    SsoAssertion,
    SsoCertificate,
    SsoConnection,
    SsoDomain,
    SsoGroupRole,
    SsoLink,
    SsoRequest,
    SsoSession,
    SsoTest,
)
from security.models.weakness import MayBeWeak
from security.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "AllowlistAccess",
    "AllowlistEntry",
    "Anomaly",
    "AuthenticatorDevice",
    "CheckupSnooze",
    "CidrField",
    "FactorPolicy",
    "HeldAct",
    "HeldFile",
    "Lockdown",
    "LockdownStep",
    "MailCode",
    "MayBeWeak",
    "PasskeyChallenge",
    "PasskeyDevice",
    "PhoneChange",
    "PhoneDevice",
    "RecoveryCode",
    "RecoveryRequest",
    "ScimGroup",
    "ScimGroupMember",
    "ScimToken",
    "ScimUser",
    "SsoAssertion",
    "SsoCertificate",
    "SsoConnection",
    "SsoDomain",
    "SsoGroupRole",
    "SsoLink",
    "SsoRequest",
    "SsoSession",
    "SsoTest",
    "WebhookDelivery",
    "WebhookEndpoint",
]

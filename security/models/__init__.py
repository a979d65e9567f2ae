"""How we are sure: second factors, recovery codes, acts that wait for a confirmation, and the IP allowlist."""

from security.models.acts import HeldAct
from security.models.allowlist import AllowlistAccess, AllowlistEntry, ApiCaller, CidrField
from security.models.factors import AuthenticatorDevice, PhoneChange, PhoneDevice, RecoveryCode
from security.models.passkeys import PasskeyChallenge, PasskeyDevice

__all__ = [
    "AllowlistAccess",
    "AllowlistEntry",
    "ApiCaller",
    "AuthenticatorDevice",
    "CidrField",
    "HeldAct",
    "PasskeyChallenge",
    "PasskeyDevice",
    "PhoneChange",
    "PhoneDevice",
    "RecoveryCode",
]

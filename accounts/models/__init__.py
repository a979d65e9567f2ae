"""Who exists: users, accounts, their credentials, sessions and the proofs on the way in."""

from accounts.models.credentials import Credential
from accounts.models.proofs import EmailLink, PhoneCode
from accounts.models.rules import EmailDomainRule, NetworkRule, PhonePrefixRule
from accounts.models.sessions import Device, Session, SignInTries
from accounts.models.tenants import Account, ApiIdentity, new_auth_id
from accounts.models.users import User, UserManager

__all__ = [
    "Account",
    "ApiIdentity",
    "Credential",
    "Device",
    "EmailDomainRule",
    "EmailLink",
    "NetworkRule",
    "PhoneCode",
    "PhonePrefixRule",
    "Session",
    "SignInTries",
    "User",
    "UserManager",
    "new_auth_id",
]

"""Who exists: users, accounts, their credentials, sessions and the proofs on the way in."""

from accounts.models.callers import ApiCaller
from accounts.models.credentials import Credential, TokenExtension
from accounts.models.proofs import EmailLink, PhoneCode
from accounts.models.rules import EmailDomainRule, NetworkRule, PhonePrefixRule
from accounts.models.scanners import TokenScanner
from accounts.models.sessions import Device, Session, SignInTries
from accounts.models.tenants import Account, ApiIdentity, new_auth_id
from accounts.models.users import User, UserManager

__all__ = [
    "Account",
    "ApiCaller",
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
    "TokenExtension",
    "TokenScanner",
    "User",
    "UserManager",
    "new_auth_id",
]

"""Deeds of the accounts app."""

from accounts.services.activation import check_activation, confirm_phone, make_activation_link, verify_email
from accounts.services.credentials import MadeToken, end_due_tokens, generate_token, revoke_token
from accounts.services.hashing import hash_password
from accounts.services.links import LinkRefused
from accounts.services.lockout import check_not_locked, note_failure
from accounts.services.not_me import disown_sign_in
from accounts.services.password import (
    PasswordRefused,
    WrongPassword,
    change_password,
    request_reset,
    reset_password,
)
from accounts.services.phone_codes import (
    CodeExpired,
    CodeNotSent,
    CodeSpent,
    WrongCode,
    check_phone_code,
    request_phone_code,
    seconds_to_wait,
)
from accounts.services.profile import ProfileRefused, rename_person, update_company
from accounts.services.sessions import (
    NoSuchSession,
    Opened,
    close_other_sessions,
    close_session,
    end_other_sessions,
    end_session,
    open_session,
    sign_out,
)
from accounts.services.sign_in import SignInRefused, begin_sign_in, check_password
from accounts.services.signup import NetworkRefused, SignUp, check_network, resend_activation, sign_up
from accounts.services.staff import StaffRefused, make_staff

__all__ = [
    "CodeExpired",
    "CodeNotSent",
    "CodeSpent",
    "LinkRefused",
    "MadeToken",
    "NetworkRefused",
    "NoSuchSession",
    "Opened",
    "PasswordRefused",
    "ProfileRefused",
    "SignInRefused",
    "SignUp",
    "StaffRefused",
    "WrongCode",
    "WrongPassword",
    "begin_sign_in",
    "change_password",
    "check_activation",
    "check_network",
    "check_not_locked",
    "check_password",
    "check_phone_code",
    "close_other_sessions",
    "close_session",
    "confirm_phone",
    "disown_sign_in",
    "end_due_tokens",
    "end_other_sessions",
    "end_session",
    "generate_token",
    "hash_password",
    "make_activation_link",
    "make_staff",
    "note_failure",
    "open_session",
    "rename_person",
    "request_phone_code",
    "request_reset",
    "resend_activation",
    "reset_password",
    "revoke_token",
    "seconds_to_wait",
    "sign_out",
    "sign_up",
    "update_company",
    "verify_email",
]

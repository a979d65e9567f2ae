"""Deeds of the security app."""

from security.services.audit import export_log, verify_log
from security.services.authenticator import (
    EnrolmentExpired,
    PhoneCodeFirst,
    confirm_authenticator,
    needs_phone_code,
    remove_authenticator,
    start_authenticator,
    start_with_phone_code,
)
from security.services.errors import FactorMissing, WrongFactor
from security.services.factor_policy import FactorPolicyRefused, set_factor_policy
from security.services.held_files import FilesTooLarge, Upload, check_files
from security.services.passkeys import (
    NewPasskey,
    NoSuchPasskey,
    PasskeyRefused,
    PasskeysFull,
    QuestionOver,
    add_passkey,
    ask_passkey,
    remove_passkey,
    rename_passkey,
    use_passkey,
)
from security.services.phone import choose_phone, verify_phone
from security.services.phone_change import (
    ChangeOver,
    SamePhone,
    ask_phone_change,
    cancel_phone_change,
    confirm_phone_change,
    send_change_code,
)
from security.services.recovery import keep_recovery_codes, make_recovery_codes, use_recovery_code
from security.services.removal import FactorNeeded
from security.services.second_factor import check_second_factor
from security.services.session_policy import PolicyRefused, change_session_policy
from security.services.step_up import Act, ActOver, confirm_person, hold_act, open_act, take_act
from security.services.weakness import decide_weakness, weak_kinds, weakness_of

__all__ = [
    "Act",
    "ActOver",
    "ChangeOver",
    "EnrolmentExpired",
    "FactorMissing",
    "FactorNeeded",
    "FactorPolicyRefused",
    "FilesTooLarge",
    "NewPasskey",
    "NoSuchPasskey",
    "PasskeyRefused",
    "PasskeysFull",
    "PhoneCodeFirst",
    "PolicyRefused",
    "QuestionOver",
    "SamePhone",
    "Upload",
    "WrongFactor",
    "add_passkey",
    "ask_passkey",
    "ask_phone_change",
    "cancel_phone_change",
    "change_session_policy",
    "check_files",
    "check_second_factor",
    "choose_phone",
    "confirm_authenticator",
    "confirm_person",
    "confirm_phone_change",
    "decide_weakness",
    "export_log",
    "hold_act",
    "keep_recovery_codes",
    "make_recovery_codes",
    "needs_phone_code",
    "open_act",
    "remove_authenticator",
    "remove_passkey",
    "rename_passkey",
    "send_change_code",
    "set_factor_policy",
    "start_authenticator",
    "start_with_phone_code",
    "take_act",
    "use_passkey",
    "use_recovery_code",
    "verify_log",
    "verify_phone",
    "weak_kinds",
    "weakness_of",
]

"""Forms of the rules that staff keep; each puts its value into the one form in which it is compared."""

import ipaddress
import re

from django import forms
from django.core.exceptions import ValidationError

from accounts.email_rules import EmailRefused, canonical_domain
from accounts.models import EmailDomainRule, NetworkRule, PhonePrefixRule, TokenScanner
from accounts.names import NameRefused, clean_name
from accounts.services.leaks import KeyRefused, read_key

_REASON_LIMIT = 200
_MAPPED = ipaddress.ip_network("::ffff:0:0/96")
_WIDEST = {4: 8, 6: 16}


class _RuleForm(forms.ModelForm):
    def clean_reason(self) -> str:
        """Return the reason on one line."""
        try:
            return clean_name(self.cleaned_data["reason"], limit=_REASON_LIMIT)
        except NameRefused as error:
            raise ValidationError(str(error), code=error.code) from error


class EmailDomainRuleForm(_RuleForm):
    """A domain to allow or block."""

    class Meta:
        model = EmailDomainRule
        fields = ["domain", "verdict", "reason"]

    def clean_domain(self) -> str:
        """Return the domain as lower-case A-label."""
        try:
            return canonical_domain(self.cleaned_data["domain"])
        except EmailRefused as error:
            raise ValidationError("Enter a domain, like company.com.", code="domain") from error


class NetworkRuleForm(_RuleForm):
    """A network to allow or block."""

    class Meta:
        model = NetworkRule
        fields = ["network", "verdict", "reason"]

    def clean_network(self) -> str:
        """Return the network in CIDR form, without host bits; one address is a network too."""
        text = self.cleaned_data["network"].strip()
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            raise ValidationError(
                "Enter a network, like 203.0.113.0/24, without bits beyond its length.", code="network"
            ) from error
        if "%" in text or (network.version == _MAPPED.version and network.overlaps(_MAPPED)):
            raise ValidationError("Write an IPv4 network as such, and without a zone.", code="network")
        if network.prefixlen < _WIDEST[network.version]:
            raise ValidationError("This is wider than one rule may be.", code="wide")
        return str(network)


class PhonePrefixRuleForm(_RuleForm):
    """The beginning of numbers that get no codes."""

    class Meta:
        model = PhonePrefixRule
        fields = ["prefix", "reason"]


class TokenScannerForm(_RuleForm):
    """A key with which a scanner signs its reports."""

    class Meta:
        model = TokenScanner
        fields = ["name", "key_id", "public_key", "is_active", "reason"]

    def clean_name(self) -> str:
        """Return the name on one line."""
        try:
            return clean_name(self.cleaned_data["name"], limit=100)
        except NameRefused as error:
            raise ValidationError(str(error), code=error.code) from error

    def clean_key_id(self) -> str:
        """Return the identifier, which travels in a header."""
        key_id: str = self.cleaned_data["key_id"].strip()
        if not re.fullmatch(r"[A-Za-z0-9._:/+=-]+", key_id):
            raise ValidationError("Enter the identifier as the scanner publishes it.", code="key_id")
        return key_id

    def clean_public_key(self) -> str:
        """Return the key, once it is known to be one."""
        pem: str = self.cleaned_data["public_key"].strip()
        try:
            read_key(pem)
        except KeyRefused as error:
            raise ValidationError(str(error), code=error.code) from error
        return pem

"""Say whose Auth Tokens a page is about: the account's own, or those of a subaccount."""

from dataclasses import dataclass, field

from django.conf import settings
from django.urls import reverse

from accounts.models import Account, ApiIdentity


@dataclass(frozen=True, slots=True)
class Holder:
    """Who calls with the tokens of a page; no identity means the account itself.

    ``url`` is where the tokens are listed; the pages about one of them lie below it, with the same names for all
    holders. ``crumbs`` lead to that list.
    """

    name: str
    auth_id: str
    title: str
    url: str
    crumbs: list[tuple[str, str]] = field(default_factory=list)
    identity: ApiIdentity | None = None

    @property
    def api_url(self) -> str:
        """Return the address below which the holder calls the HTTP API."""
        return f"{settings.BASE_URL}/v1/Account/{self.auth_id}/"

    @property
    def noun(self) -> str:
        """Name what a token opens."""
        return "the subaccount" if self.identity else "the account"


def account_holder(account: Account) -> Holder:
    """Return the account itself as the holder of its tokens."""
    url = reverse("accounts:credential_list", kwargs={"account": account.auth_id})
    return Holder(account.name, account.auth_id, "Credentials", url, [("Credentials", url)])

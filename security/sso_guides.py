"""Say, for each identity provider, where to click and which of our values goes into which of its fields. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

ACS, ENTITY, METADATA, SLO, START = "acs", "entity", "metadata", "slo", "start"


@dataclass(frozen=True, slots=True)
class Guide:
    """How to connect one provider: what it calls our values, where to click, and what to send along.

    ``values`` are pairs of the provider's name for a field and which of our values belongs there.
    """

    values: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]
    metadata_hint: str


_SIMPLE = (
    ("email", "the email address"),
    ("firstName", "the first name"),
    ("lastName", "the last name"),
    ("groups", "the groups, if they decide roles"),
)
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

GUIDES: Mapping[str, Guide] = {
    "okta": Guide(
        values=(("Single sign-on URL", ACS), ("Audience URI (SP Entity ID)", ENTITY)),
        steps=(
            "In the Okta admin console open Applications, then Create App Integration, and choose SAML 2.0.",
            "Enter the two values to copy. Leave Default RelayState empty, and tick “Use this for Recipient URL and Destination URL”.",
            "Name ID format: EmailAddress. Application username: Email.",
            "Add the attribute statements below. For groups add a group attribute statement with a filter.",
            "Response and assertion stay signed, with SHA-256. Assign the people who may sign in.",
        ),
        attributes=_SIMPLE,
        metadata_hint="On the app's Sign On tab copy the Metadata URL.",
    ),
    "entra": Guide(
        values=(("Identifier (Entity ID)", ENTITY), ("Reply URL (Assertion Consumer Service URL)", ACS), ("Logout URL", SLO)),
        steps=(
            "In the Entra admin center open Enterprise applications, then New application, then Create your own application (non-gallery).",
            "Open Single sign-on, choose SAML, and enter the values to copy under Basic SAML Configuration.",
            "Under Attributes & Claims keep the claims of email address, given name and surname. For roles add a group claim with the groups assigned to the application.",
            "Under SAML Certificates set Signing Option to Sign SAML response and assertion, with SHA-256.",
            "Assign users and groups to the application.",
        ),
        attributes=(
            (f"{_CLAIMS}emailaddress", "user.mail"),
            (f"{_CLAIMS}givenname", "user.givenname"),
            (f"{_CLAIMS}surname", "user.surname"),
            ("http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "group claim; it sends object ids"),
        ),
        metadata_hint="Under SAML Certificates copy the App Federation Metadata Url.",
    ),
    "google": Guide(
        values=(("ACS URL", ACS), ("Entity ID", ENTITY)),
        steps=(
            "In the Google Admin console open Apps, then Web and mobile apps, then Add app, and choose Add custom SAML app.",
            "Download the metadata file on the second page; Google has no address for it.",
            "Enter the two values to copy and tick Signed response. Name ID format: EMAIL, Name ID: Basic Information, Primary email.",
            "Map the attributes below. Groups go under Group membership.",
            "Turn the app on for the organizational units that may sign in. It can take a day.",
        ),
        attributes=_SIMPLE,
        metadata_hint="Upload the file that you downloaded.",
    ),
    "onelogin": Guide(
        values=(
            ("Audience (EntityID)", ENTITY),
            ("Recipient", ACS),
            ("ACS (Consumer) URL", ACS),
            ("Single Logout URL", SLO),
        ),
        steps=(
            "In OneLogin open Applications, then Add App, and choose SAML Custom Connector (Advanced).",
            "On the Configuration tab enter the values to copy. The ACS URL Validator takes the ACS URL with ^ before and $ after it.",
            "SAML initiator: Service Provider. SAML nameID format: Email. SAML signature element: Both.",
            "On the Parameters tab add the attributes below, each with “Include in SAML assertion”.",
            "On the SSO tab choose SHA-256 as signature algorithm, and give the app to the people who may sign in.",
        ),
        attributes=_SIMPLE,
        metadata_hint="On the SSO tab copy the Issuer URL: the metadata is there.",
    ),
    "ping": Guide(
        values=(("ACS URLs", ACS), ("Entity ID", ENTITY), ("SLO Endpoint", SLO)),
        steps=(
            "In PingOne open Applications, add one, and choose SAML Application.",
            "Choose Manually Enter, and enter the values to copy. Our metadata address works there too.",
            "Signing key: Sign Assertion & Response, RSA_SHA256. Subject NameID format: emailAddress.",
            "On Attribute Mappings map saml_subject to Email Address, and add the attributes below.",
            "Turn the application on.",
        ),
        attributes=_SIMPLE,
        metadata_hint="On the Configuration tab copy the IDP Metadata URL.",
    ),
    "jumpcloud": Guide(
        values=(("SP Entity ID", ENTITY), ("ACS URL", ACS), ("Logout URL", SLO)),
        steps=(
            "In the JumpCloud admin portal open SSO Applications, then Add New Application, and choose Custom Application with SAML.",
            "Enter the values to copy. Enter any name of your own as IdP Entity ID.",
            "SAMLSubject NameID: email, with the format emailAddress. Signature algorithm: RSA-SHA256. Sign: both.",
            "Add the user attributes below, and tick “include group attribute” with the name groups.",
            "On the User Groups tab choose who may sign in.",
        ),
        attributes=_SIMPLE,
        metadata_hint="Choose Copy Metadata URL, or export the metadata and upload the file.",
    ),
    "other": Guide(
        values=(
            ("Assertion consumer service (ACS) URL", ACS),
            ("Entity ID, also called audience", ENTITY),
            ("Our metadata", METADATA),
            ("Single logout URL", SLO),
        ),
        steps=(
            "Add a SAML 2.0 application at your provider. If it reads metadata of service providers, give it the address of our metadata; else enter the values one by one.",
            "The provider must sign the assertion with RSA of 2,048 bits or more, or ECDSA, and SHA-256 or stronger. It may encrypt it for the key in our metadata.",
            "NameID: the email address, or a name that stays the same. Send the attributes below.",
            "Our requests are signed and go out by HTTP-Redirect; answers come by HTTP-POST.",
        ),
        attributes=_SIMPLE,
        metadata_hint="An address is better than a file: new certificates arrive by themselves.",
    ),
}  # fmt: skip


def guide_of(provider: str) -> Guide:
    """Return the guide of a provider, or the one for any."""
    return GUIDES.get(provider, GUIDES["other"])

"""State which attributes of people and groups the console keeps, in the words of scim2-models."""

from functools import cache
from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Meta,
    Mutability,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

MOST_RESULTS = 200
# Providers send attributes that nobody asked for; Microsoft Entra puts what to remove into the value, and writes to
# entries that a path describes and that do not exist yet.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class Name(ComplexAttribute):
    """The name of a person."""

    formatted: str | None = None
    family_name: str | None = None
    given_name: str | None = None


class Email(ComplexAttribute):
    """An address of a person; the primary one, or else the first, is the one that counts."""

    value: Annotated[str | None, Required.true] = None
    type: str | None = Field(None, examples=["work", "home", "other"])
    primary: bool | None = None


class GroupOfUser(ComplexAttribute):
    """A group that a person is in; groups are changed at the group."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    ref: Annotated[Reference["Group"] | None, Mutability.read_only] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display: Annotated[str | None, Mutability.read_only] = None


class User(Resource[Any]):
    """A member of the account, or somebody who is invited to be one."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    name: Name | None = None
    display_name: str | None = None
    emails: Annotated[list[Email] | None, Required.true] = None
    active: Annotated[bool | None, Required.true] = None
    groups: Annotated[list[GroupOfUser] | None, Mutability.read_only] = None


class MemberOfGroup(ComplexAttribute):
    """A person in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    """A group of the directory; in the console it may stand for a role."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    members: list[MemberOfGroup] | None = None


@cache
def provider() -> ScimProvider:
    """Return the description of the service, from which discovery is answered."""
    return ScimProvider(models=[User, Group], config=_config(), policy=POLICY)


def _config() -> ServiceProviderConfig:
    scheme = AuthenticationScheme(
        type=AuthenticationScheme.Type.oauthbearertoken,
        name="Bearer token",
        description="The token of the account's Provisioning page, sent as Authorization: Bearer.",
        primary=True,
    )
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[scheme],
    )


def discovery(base: str) -> tuple[ServiceProviderConfig, list[ResourceType], list[Schema]]:
    """Return what the three addresses of discovery answer, with where each thing is."""
    found = provider()
    config = found.config or _config()
    config = config.model_copy(
        update={"meta": _meta("ServiceProviderConfig", f"{base}/ServiceProviderConfig")}
    )
    types = [
        one.model_copy(update={"meta": _meta("ResourceType", f"{base}/ResourceTypes/{one.id}")})
        for one in found.resource_types
    ]
    schemas = [
        one.model_copy(update={"meta": _meta("Schema", f"{base}/Schemas/{one.id}")}) for one in found.schemas
    ]
    return config, types, schemas


def _meta(kind: str, location: str) -> Meta:
    return Meta(resource_type=kind, location=location)

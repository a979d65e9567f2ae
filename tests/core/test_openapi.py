"""The OpenAPI document says what the API does, and the API does what the document says."""

import base64
import re
from html import unescape

import jsonschema
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from console.core import api_reference, openapi
from console.core.api import Resource
from console.core.permissions import AREA_NAMES, AREA_RIGHTS, ApiArea
from console.core.routes import iter_routes
from tests.factories import make_account, make_token

EVERY_CALL = {"400", "401", "403", "429", "500", "503"}


@pytest.fixture
def document(client, db):
    response = client.get(reverse("openapi"))
    assert response.headers["Content-Type"] == "application/json"
    return response.json()


def operations(document):
    for path, item in document["paths"].items():
        for method in set(item) - {"parameters"}:
            yield path, method, item[method]


def test_document_is_public_and_names_its_version(document):
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == f"{settings.SITE_NAME} API"
    assert document["components"]["securitySchemes"]["basic"]["scheme"] == "basic"
    assert document["security"] == [{"basic": []}]


def test_every_mounted_resource_is_described(document):
    mounted = {
        (declared.path, method.lower())
        for route in iter_routes()
        if isinstance(declared := getattr(route.view, "resource", None), Resource)
        for method in declared.operations
    }
    views = (getattr(route.view, "described", None) for route in iter_routes())
    mounted |= {(each.path, "post") for each in views if isinstance(each, openapi.OpenOperation)}
    assert mounted == {(path, method) for path, method, _ in operations(document)}
    assert {("/v1/Account/{auth_id}/", "get"), ("/v1/token-burn/", "post")} <= mounted


def test_every_operation_has_its_parameters_statuses_and_examples(document):
    for path, method, operation in operations(document):
        if operation.get("security") == []:
            continue
        named = {each["name"] for each in document["paths"][path]["parameters"]}
        assert named == set(re.findall(r"\{(\w+)\}", path))
        assert set(operation["responses"]) > EVERY_CALL
        assert {sample["lang"] for sample in operation["x-codeSamples"]} == {"curl", "python", "javascript"}
        if method == "post":
            assert "413" in operation["responses"]
            content = operation["requestBody"]["content"]["application/json"]
            jsonschema.validate(content["example"], content["schema"])


def test_operations_outside_the_accounts_say_what_they_take(document):
    opened = [each for each in operations(document) if each[2].get("security") == []]
    assert {path for path, _, _ in opened} == {"/v1/token-scan/", "/v1/token-burn/"}
    for _, _, operation in opened:
        assert operation["description"]
        assert {"400", "413", "429", "500", "503"} <= set(operation["responses"])
        content = operation["requestBody"]["content"]["application/json"]
        jsonschema.validate(content["example"], content["schema"])
    headers = document["paths"]["/v1/token-scan/"]["parameters"]
    assert [each["name"] for each in headers] == [
        "GITHUB-PUBLIC-KEY-IDENTIFIER",
        "GITHUB-PUBLIC-KEY-SIGNATURE",
    ]


def test_operations_of_accounts_have_an_area_and_a_right_and_areas_have_operations():
    declared = [found for each in openapi.resources() for found in each.operations.values()]
    assert [found.name for found in declared if found.area is None or found.right is None] == []
    assert {found.area for found in declared} == set(ApiArea) == set(AREA_RIGHTS) == set(AREA_NAMES)
    for found in declared:
        reading, writing = AREA_RIGHTS[found.area]
        assert found.right in (reading if found.method == "GET" else writing)


def test_errors_have_one_shape_with_examples(document):
    shape = document["components"]["schemas"]["Error"]
    for _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "4":
                content = answer["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}
                jsonschema.validate(content["example"], shape)


def test_operation_ids_are_unique(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_answer_has_the_described_keys_and_no_others(db, document):
    account = make_account()
    _, token = make_token(account)
    client = Client()
    schema = document["paths"]["/v1/Account/{auth_id}/"]["get"]["responses"]["200"]["content"][
        "application/json"
    ]["schema"]
    headers = {"Authorization": _basic(account.auth_id, token)}
    jsonschema.validate(client.get(f"/v1/Account/{account.auth_id}/", headers=headers).json(), schema)
    refused = client.get(f"/v1/Account/{account.auth_id}/").json()
    jsonschema.validate(refused, document["components"]["schemas"]["Error"])


def _basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_reference_shows_each_operation_with_the_readers_own_auth_id(cast):
    client = cast.sign_in(Client(), "developer")
    text = unescape(
        client.get(
            reverse("accounts:api_reference", kwargs={"account": cast.account.auth_id})
        ).content.decode()
    )
    for chapter in api_reference.chapters({"{auth_id}": cast.account.auth_id, "{base}": settings.BASE_URL}):
        assert chapter.title in text
        assert f'href="#{chapter.slug}"' in text
        for sample in chapter.samples:
            assert cast.account.auth_id in sample["source"]
            assert not re.search(r"\{[a-z]+_id\}|\{(base|number)\}", sample["source"])
            assert sample["source"] in text
        for row in (*chapter.arguments, *chapter.answer, *chapter.errors):
            assert row.words
            assert f"<code>{row.name}</code>" in text


def test_python_examples_compile():
    for chapter in api_reference.chapters({"{auth_id}": "MAX", "{base}": settings.BASE_URL}):
        for sample in chapter.samples:
            if sample["lang"] == "python":
                compile(sample["source"], chapter.slug, "exec")

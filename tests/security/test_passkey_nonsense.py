"""Whatever a browser, or somebody in its place, sends as an answer: it is refused, and nothing breaks."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from security import webauthn
from tests.security.software_key import encoded

_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=60).map(encoded),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_PARTS = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle", "transports")


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    outer=st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "rawId", "type", "response"), _ANYTHING)),
    response=st.fixed_dictionaries({}, optional=dict.fromkeys(_PARTS, _ANYTHING)),
    key=st.binary(max_size=80),
)
def test_nonsense_is_a_refusal_and_nothing_else(outer, response, key):
    answer = json.dumps({"type": "public-key", "response": response} | outer)
    with pytest.raises(webauthn.AnswerRefused):
        webauthn.check_registration(answer, challenge=b"c" * 32)
    with pytest.raises(webauthn.AnswerRefused):
        webauthn.check_assertion(answer, challenge=b"c" * 32, public_key=key, user_id=b"u")


@pytest.mark.parametrize("answer", ["", "null", "[]", "{", '"x"', "1" * 5000, "[" * 19_000, "\x00"])
def test_what_is_no_answer_at_all_is_a_refusal(answer):
    with pytest.raises(webauthn.AnswerRefused):
        webauthn.named_key(answer)
    with pytest.raises(webauthn.AnswerRefused):
        webauthn.check_registration(answer, challenge=b"c" * 32)

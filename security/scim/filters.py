"""Turn a SCIM filter (RFC 7644, 3.4.2.2) into a condition on rows; nothing of it is evaluated in Python."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from unicodedata import category
from uuid import UUID

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from security.scim.resources import Group, User

_LONGEST, _MOST_TERMS = 2000, 40
Column = Callable[[CompareOperator, Any], Q]
Op = CompareOperator
_LOOKUPS = {
    Op.eq: "exact",
    Op.co: "contains",
    Op.sw: "startswith",
    Op.ew: "endswith",
    Op.gt: "gt",
    Op.ge: "gte",
    Op.lt: "lt",
    Op.le: "lte",
}
_NOTHING, _ALL = Q(pk__in=[]), Q(pk__isnull=False)


def _text(column: str, *, is_exact: bool = False) -> Column:
    """Compare a column of text, which is empty where the attribute is missing."""

    def compare(op: CompareOperator, value: Any) -> Q:
        if value is None:
            found = Q(**{column: ""})
            return ~found if op == Op.ne else found
        if not isinstance(value, str):
            return _ALL if op == Op.ne else _NOTHING
        if op == Op.ne:
            return ~compare(Op.eq, value)
        lookup = _LOOKUPS[op]
        insensitive = lookup if lookup in {"gt", "gte", "lt", "lte"} else f"i{lookup}"
        return Q(**{f"{column}__{lookup if is_exact else insensitive}": value}) & ~Q(**{column: ""})

    return compare


def _emails(op: CompareOperator, value: Any) -> Q:
    """Compare every address: they stand in one column, each between line ends."""
    if op == Op.ne:
        return ~_emails(Op.eq, value)
    if not isinstance(value, str) or "\n" in value:
        return _NOTHING
    key = value.lower()
    shapes = {Op.eq: f"\n{key}\n", Op.sw: f"\n{key}", Op.ew: f"{key}\n", Op.co: key}
    if op not in shapes:
        raise InvalidFilterException(detail=f"emails cannot be compared with {op.value}")
    return Q(email_keys__contains=shapes[op])


def _moment(column: str) -> Column:
    def compare(op: CompareOperator, value: Any) -> Q:
        try:
            at = value if isinstance(value, datetime) else parse_datetime(str(value))
        except ValueError:
            at = None
        if at is None or at.tzinfo is None or op not in {Op.eq, Op.ne, Op.gt, Op.ge, Op.lt, Op.le}:
            raise InvalidFilterException(detail="compare a moment with one such as 2026-01-31T00:00:00Z")
        return ~Q(**{column: at}) if op == Op.ne else Q(**{f"{column}__{_LOOKUPS[op]}": at})

    return compare


def _id(op: CompareOperator, value: Any) -> Q:
    try:
        found = Q(public_id=UUID(str(value)))
    except ValueError:
        found = _NOTHING
    if op not in {Op.eq, Op.ne}:
        raise InvalidFilterException(detail="compare an id with eq or ne")
    return ~found if op == Op.ne else found


def _active(now: datetime) -> Column:
    live = Q(membership__ends_at=None) | Q(membership__ends_at__gt=now)
    inside = Q(membership__isnull=False, membership__suspended_at=None) & live
    active = inside | Q(membership=None, is_active=True)

    def compare(op: CompareOperator, value: Any) -> Q:
        if op not in {Op.eq, Op.ne} or not isinstance(value, bool):
            raise InvalidFilterException(detail="compare active with true or false")
        return active if (op == Op.eq) == value else ~active

    return compare


def _members(op: CompareOperator, value: Any) -> Q:
    if op != Op.eq:
        raise InvalidFilterException(detail="compare members with eq")
    try:
        return Q(links__user__public_id=UUID(str(value)))
    except ValueError:
        return _NOTHING


def _groups(op: CompareOperator, value: Any) -> Q:
    if op != Op.eq:
        raise InvalidFilterException(detail="compare groups with eq")
    try:
        return Q(links__group__public_id=UUID(str(value)))
    except ValueError:
        return _NOTHING


_COMMON: Mapping[str, Column] = {
    "id": _id,
    "externalid": _text("external_id", is_exact=True),
    "meta.created": _moment("created_at"),
    "meta.lastmodified": _moment("changed_at"),
}


def user_condition(text: str, *, now: datetime) -> Q:
    """Return the condition on people that the filter states.

    :raises InvalidFilterException: if it cannot be read, or asks for what is not kept
    """
    columns = {
        **_COMMON,
        "username": _text("user_name"),
        "displayname": _text("display_name"),
        "name.formatted": _text("formatted"),
        "name.givenname": _text("given_name"),
        "name.familyname": _text("family_name"),
        "emails": _emails,
        "emails.value": _emails,
        "active": _active(now),
        "groups": _groups,
        "groups.value": _groups,
    }
    present = {
        "name": ~Q(formatted="", given_name="", family_name=""),
        "groups": Q(links__isnull=False),
    }
    return _Transpiler(columns, present).condition(ScimFilter[User], text)


def group_condition(text: str) -> Q:
    """Return the condition on groups that the filter states.

    :raises InvalidFilterException: if it cannot be read, or asks for what is not kept
    """
    columns = {
        **_COMMON,
        "displayname": _text("name"),
        "members": _members,
        "members.value": _members,
    }
    return _Transpiler(columns, {"members": Q(links__isnull=False)}).condition(ScimFilter[Group], text)


class _Transpiler(FilterVisitor[Q]):
    """Walk the tree of a filter, and give each comparison the condition of its column."""

    def __init__(self, columns: Mapping[str, Column], present: Mapping[str, Q]) -> None:
        self._columns, self._present, self._left = columns, present, _MOST_TERMS

    def condition(self, kind: Any, text: str) -> Q:
        """Return the condition of a whole filter."""
        if len(text) > _LONGEST:
            raise InvalidFilterException(detail=f"a filter has {_LONGEST} characters at most")
        try:
            return self.visit(kind(text).ast)
        except RecursionError as error:
            raise InvalidFilterException(detail="the filter is nested too deeply") from error

    def visit(self, node: FilterNode) -> Q:
        """Return the condition of a part; a filter has so many parts at most."""
        self._left -= 1
        if self._left < 0:
            raise InvalidFilterException(detail=f"a filter has {_MOST_TERMS} terms at most")
        return super().visit(node)

    def visit_comparison(self, node: Comparison) -> Q:
        """Return the condition of a comparison."""
        column = self._columns.get(_key(node.attr_path))
        if column is None:
            raise InvalidFilterException(detail=f"{node.attr_path} cannot be filtered by")
        return column(node.op, _storable(node.value))

    def visit_present(self, node: Present) -> Q:
        """Return the condition that there is a value."""
        key = _key(node.attr_path)
        if key in self._present:
            return self._present[key]
        if key not in self._columns:
            raise InvalidFilterException(detail=f"{node.attr_path} cannot be filtered by")
        # What is always there has a value; what is text has one when it is not empty.
        column = self._columns[key]
        always = key in {"id", "active", "emails", "emails.value", "meta.created", "meta.lastmodified"}
        return _ALL if always else column(Op.ne, None)

    def visit_not(self, node: Not) -> Q:
        """Return the opposite."""
        return ~self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        """Return what all, or any, of the terms ask for."""
        found = self.visit(node.terms[0])
        for term in node.terms[1:]:
            other = self.visit(term)
            found = found & other if node.op == LogicalOperator.and_ else found | other
        return found

    def visit_value_path(self, node: ValuePath) -> Q:
        """Return the condition that one address has all the named facts."""
        terms = node.val_filter.terms if isinstance(node.val_filter, LogicalExpr) else (node.val_filter,)
        is_all = not isinstance(node.val_filter, LogicalExpr) or node.val_filter.op == LogicalOperator.and_
        wanted: dict[str, Any] = {}
        for term in terms:
            if not isinstance(term, Comparison) or term.op != Op.eq or not is_all:
                raise InvalidFilterException(detail="compare in brackets with eq, joined by and")
            wanted[term.attr_path.attr.lower()] = _storable(term.value)
        is_known = _key(node.attr_path) == "emails" and "emails" in self._columns
        if not is_known or not set(wanted) <= {"value", "type", "primary"}:
            raise InvalidFilterException(detail=f"{node.attr_path}[…] cannot be filtered by")
        return Q(emails__contains=[wanted])


def _storable(value: Any) -> Any:
    """Return the value, unless it is one that the database could not even be asked for."""
    if isinstance(value, str) and any(category(one) == "Cs" or one == "\x00" for one in value):
        raise InvalidFilterException(detail="a value holds NUL or half a character")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidFilterException(detail="a value is a number that no row has")
    return value


def _key(path: AttrPath) -> str:
    return f"{path.attr}.{path.sub_attr}".lower() if path.sub_attr else path.attr.lower()

"""Addresses of the audit log."""

from django.urls import path

from security.views import audit

_AUDIT = "<auth_id:account>/account/settings/audit-log/"

urlpatterns = [
    path(_AUDIT, audit.log, name="audit_log"),
    path(f"{_AUDIT}csv/", audit.csv, name="audit_csv"),
    path(f"{_AUDIT}json/", audit.json, name="audit_json"),
    path(f"{_AUDIT}verify/", audit.verify, name="audit_verify"),
    path(f"{_AUDIT}verify/<uuid:public_id>/", audit.result, name="audit_result"),
    path(f"{_AUDIT}<uuid:public_id>/", audit.event, name="audit_event"),
]

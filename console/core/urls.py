"""Addresses of the kernel: health and policy reports."""

from django.urls import path

from console.core import health, openapi, speech

urlpatterns = [
    path("v1/openapi.json", openapi.document, name="openapi"),
    path("healthz/live", health.live, name="health_live"),
    path("healthz/ready", health.ready, name="health_ready"),
    path("webhooks/speech/", speech.speech, name="speech"),
    path("csp-report/", health.csp_report, name="csp_report"),
]

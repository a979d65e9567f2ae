"""Addresses of the kernel: health and policy reports."""

from django.urls import path

from console.core import health

urlpatterns = [
    path("healthz/live", health.live, name="health_live"),
    path("healthz/ready", health.ready, name="health_ready"),
    path("csp-report/", health.csp_report, name="csp_report"),
]

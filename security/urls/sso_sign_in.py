"""Addresses of signing in through a company's provider; those with a connection's id are given to the provider."""

from django.urls import path

from security.views import sso_pages, sso_sign_in

urlpatterns = [
    path("sso/", sso_sign_in.sso_begin, name="sso_begin"),
    path("sso/finish/", sso_sign_in.sso_finish, name="sso_finish"),
    path("sso/step/", sso_pages.sso_step, name="sso_step"),
    path("sso/elsewhere/", sso_pages.sso_elsewhere, name="sso_elsewhere"),
    path("sso/own/", sso_pages.sso_own, name="sso_own"),
    path("sso/signed-out/", sso_pages.sso_signed_out, name="sso_signed_out"),
    path("sso/confirm/<uuid:act>/", sso_pages.sso_confirm, name="sso_confirm"),
    path("sso/<uuid:connection>/start/", sso_sign_in.sso_start, name="sso_start"),
    path("sso/<uuid:connection>/needed/", sso_pages.sso_needed, name="sso_needed"),
    path("sso/<uuid:connection>/acs/", sso_sign_in.sso_acs, name="sso_acs"),
    path("sso/<uuid:connection>/metadata/", sso_pages.sso_metadata, name="sso_metadata"),
    path("sso/<uuid:connection>/slo/", sso_pages.sso_slo, name="sso_slo"),
    path("<auth_id:account>/account/settings/security/sso/test/", sso_pages.sso_test, name="sso_test"),
]

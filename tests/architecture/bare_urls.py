"""An address that nobody guards."""

from django.urls import path


def _bare(request):
    raise AssertionError("never reached")


urlpatterns = [path("bare/", _bare, name="bare")]

"""The product's addresses with allauth's own pages, for tests of single sign-on."""

from django.urls import include, path

from ringfence.entry.urls import urlpatterns as ours

urlpatterns = [
    *ours,
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/social/", include("allauth.socialaccount.urls")),
]

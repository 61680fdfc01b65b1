"""Single sign-on by a tenant's own identity provider (OpenID Connect)."""

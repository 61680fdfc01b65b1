"""Classification of the platform's own table, which lies below every domain."""

from ringfence.domains.privacy.registry import not_personal

not_personal("platform.ConfigVersion", "a counter of the installation", "id", "version")

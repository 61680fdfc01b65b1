"""Numbers, for other domains and the entrances."""

from ringfence.domains.numbers.queries import (
    get_number,
    list_all_numbers,
    list_numbers,
    route,
)
from ringfence.domains.numbers.usecases.create_number import create_number

__all__ = ["create_number", "get_number", "list_all_numbers", "list_numbers", "route"]

"""Numbers, for other domains and the entrances."""

from ringfence.domains.numbers.queries import (
    get_number,
    list_all_numbers,
    list_numbers,
    owned_numbers,
    route,
)
from ringfence.domains.numbers.usecases.change_number import change_number
from ringfence.domains.numbers.usecases.create_number import create_number
from ringfence.domains.numbers.usecases.release_number import release_number

__all__ = [
    "change_number",
    "create_number",
    "get_number",
    "list_all_numbers",
    "list_numbers",
    "owned_numbers",
    "release_number",
    "route",
]

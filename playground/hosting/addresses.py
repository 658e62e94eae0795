"""Where a request comes from, also behind proxies, and how many come from there."""

import ipaddress
import math
import time
from collections import Counter
from collections.abc import Callable

UNKNOWN = "unknown"
MINUTE = 60.0


def of(scope: dict, proxies: int = 0) -> str:
    """The visitor's address. Each proxy appends the address that it heard from to X-Forwarded-For;
    only the last ones, of the trusted `proxies`, are not what a visitor may have written.

    Of an IPv6 address the network of 64 bits, which is what one connection gets. Where a socket
    takes both kinds, IPv4 addresses come as ::ffff:1.2.3.4.
    """
    said = [
        part.strip()
        for name, value in scope.get("headers", ())
        if name == b"x-forwarded-for"
        for part in value.decode("latin-1").split(",")
    ]
    client = scope.get("client") or (UNKNOWN,)
    found = said[-proxies] if 0 < proxies <= len(said) else client[0]
    try:
        address = ipaddress.ip_address(found.strip("[]"))
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class Rates:
    """Counts what comes from each address, minute by minute."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic):
        self._most, self._clock = most, clock
        self._minute, self._counts = -1, Counter[str]()

    def wait(self, address: str) -> int:
        """Count one more; seconds to wait if it is too many for this minute, else 0."""
        now = self._clock()
        if (minute := math.floor(now / MINUTE)) != self._minute:
            self._minute, self._counts = minute, Counter()
        self._counts[address] += 1
        return math.ceil((minute + 1) * MINUTE - now) if self._counts[address] > self._most else 0

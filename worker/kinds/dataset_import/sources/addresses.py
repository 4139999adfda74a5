"""Which network addresses a download may connect to: public ones alone, and the very address that was checked."""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence

import httpcore

from worker.kinds.dataset_import.sources.errors import SourceRejectedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[tuple[Address, int]]]
"""Find the addresses and the port of a host; raises OSError."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"),
        *("64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
"""Beside what Python knows: versions before 3.13 judge some of these networks otherwise."""


def is_public(address: Address) -> bool:
    """Return whether everybody on the internet may reach this address; one that contains another is judged by that."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _embedded(address)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.scope_id is not None or address.is_site_local:
            return False
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not is_special and not any(address in network for network in _NOT_PUBLIC)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that NAT64 or the old compatible form stands for."""
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def resolve(host: str, port: int) -> Sequence[tuple[Address, int]]:
    """Ask the system for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(ipaddress.ip_address(str(where[0])), port) for *_, where in found]


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked after the name was resolved: a name cannot change its address in between.

    TLS, which the caller adds, is verified for the name.
    """

    def __init__(self, resolve: Resolve, is_allowed: Callable[[Address], bool]) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to a host.

        Raises:
            SourceRejectedError: one of its addresses is not allowed.
            httpcore.NetworkError: it has no address, or does not answer.
        """
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} has no address") from error
        if not all(self._is_allowed(address) for address, _ in addresses):
            raise SourceRejectedError(
                f"{host} has an address that is not public, and imports read from public ones alone: download the images and "
                "upload them."
            )
        for address, own_port in addresses:
            try:
                return self._sockets.connect_tcp(
                    str(address), own_port, timeout, local_address, socket_options
                )
            except (httpcore.NetworkError, httpcore.TimeoutException):
                continue
        raise httpcore.ConnectError(f"{host} does not answer")

"""Opens the HTTP connections to a service: directly on this machine, through the environment's proxy elsewhere."""

import ipaddress
import os
import ssl
import urllib.request
from dataclasses import dataclass

import httpx

from ninefold.errors import NinefoldError

LARGEST_PORT = 65535


@dataclass(frozen=True)
class Route:
    """How requests reach a service."""

    url: str
    host: str
    proxy: str | None = None
    """Address of the proxy, without its password; `None` without a proxy."""

    @property
    def hint(self) -> str:
        """What to do when no Ninefold service answers."""
        if self.proxy:
            return (
                f"Requests go through the proxy {self.proxy}; to reach {self.host} without it, set "
                f"NO_PROXY={self.host}"
            )
        if is_this_machine(self.host):
            return "Start one with: ninefold up"
        return "Check the address (--url or NINEFOLD_URL), and that a firewall lets it pass"


def open_http(url: str, headers: dict[str, str], timeout_s: float) -> tuple[httpx.Client, Route]:
    """Open a client whose requests go to `url`; raises NinefoldError if the address or the environment is unusable.

    The environment's HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR are obeyed, except for
    a service on this machine: a proxy would look for that service on the proxy's own machine.
    """
    address = _parse(url)
    proxy = _proxy_for(address)
    is_encrypted = address.scheme == "https" or bool(proxy and proxy.startswith("https:"))
    try:
        http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(timeout_s),
            trust_env=False,  # httpx ends with a traceback at a NO_PROXY or SSL_CERT_FILE that it cannot use
            proxy=proxy,
            verify=_certificates() if is_encrypted else False,
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:  # of the proxy: SOCKS, or no URL at all
        raise NinefoldError(
            f"The proxy {_shown(proxy)} cannot be used: only proxies with http:// or https:// addresses can. Set "
            f"HTTP_PROXY or HTTPS_PROXY to such a proxy, or NO_PROXY={address.host} to reach {address.host} without one.",
            code="unusable_proxy",
        ) from error
    return http, Route(url, address.host, _shown(proxy) if proxy else None)


def authorization(api_key: str | None) -> dict[str, str]:
    """Return the header with the key, without space around it; raises NinefoldError if a header cannot hold the key."""
    key = (api_key or "").strip()
    for character in key:
        if not (character.isascii() and character.isprintable()):
            raise NinefoldError(
                f"The API key holds {character!r}, which no key has: keys are letters, digits and signs of ASCII.",
                code="invalid_key",
            )
    return {"Authorization": f"Bearer {key}"} if key else {}


def is_this_machine(host: str) -> bool:
    """Whether `host` is a loopback address, or the address `0.0.0.0` or `::` that a server was told to listen on."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _parse(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    has_port = address.port is None or 0 < address.port <= LARGEST_PORT
    if address.scheme not in ("http", "https") or not address.host or not has_port:
        raise NinefoldError(
            f"{url!r} is not the address of a service; it has the form http://127.0.0.1:8000.",
            code="invalid_url",
        )
    return address


def _proxy_for(address: httpx.URL) -> str | None:
    """Return the address of the proxy that the environment names for `address`, or None."""
    if is_this_machine(address.host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if not proxy or _is_exempt(address, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(address: httpx.URL, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host: by its name or a parent domain, with or without port, or as a network `10.0.0.0/8`."""
    port = address.port or {"http": 80, "https": 443}[address.scheme]
    if urllib.request.proxy_bypass(address.host) or urllib.request.proxy_bypass(f"{address.host}:{port}"):
        return True
    try:
        host = ipaddress.ip_address(address.host)
    except ValueError:
        return False
    return any(host in network for network in map(_network, no_proxy.split(",")) if network)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip().replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None


def _certificates() -> ssl.SSLContext | bool:
    """Return the certificate authorities to trust: those that the environment names, or those of httpx."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(variable)
        if not path:
            continue
        try:
            is_folder = variable == "SSL_CERT_DIR"
            return ssl.create_default_context(
                cafile=None if is_folder else path, capath=path if is_folder else None
            )
        except OSError as error:
            raise NinefoldError(
                f"{variable}={path} cannot be used: {error.strerror or error}. Unset it, or name a file of "
                "certificates in PEM form.",
                code="unusable_certificates",
            ) from error
    return True


def _shown(proxy: str | None) -> str:
    """Return the address of a proxy without user name and password."""
    scheme, _, rest = (proxy or "").partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"

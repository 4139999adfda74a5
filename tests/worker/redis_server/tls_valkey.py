"""A TLS server in front of a Valkey server (the packaged Valkey has no TLS of its own), and certificates for it."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority that exists for one test."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    file: Path
    """The certificate of the authority, as `ssl_ca_certs` takes it."""


def make_authority(folder: Path) -> Authority:
    """Make an authority and write its certificate into `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("authority")
    certificate = (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "authority.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority(key, certificate, file)


def make_server_context(
    authority: Authority, folder: Path, address: str = "127.0.0.1", hosts: Sequence[str] = ()
) -> ssl.SSLContext:
    """Make the TLS settings of a server with a certificate for `address` and `hosts` from this authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(address)), *map(x509.DNSName, hosts)]
    )
    certificate = (
        _builder(_name("server"), authority.certificate.subject, key)
        .add_extension(names, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    file = folder / f"server-{address}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )


@contextmanager
def tls_in_front_of(valkey_url: str, context: ssl.SSLContext) -> Iterator[str]:
    """Forward TLS connections to a Valkey server's Unix socket; gives the `rediss://` URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(
            target=_accept_all, args=(listener, context, urlsplit(valkey_url).path), daemon=True
        ).start()
        try:
            yield f"rediss://127.0.0.1:{listener.getsockname()[1]}/0"
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept_all(listener: socket.socket, context: ssl.SSLContext, socket_path: str) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(connection, context, socket_path), daemon=True).start()


def _serve(connection: socket.socket, context: ssl.SSLContext, socket_path: str) -> None:
    """Forward one connection until one side closes; a client that refuses the certificate just goes."""
    with connection, suppress(OSError), socket.socket(socket.AF_UNIX) as backend:
        backend.connect(socket_path)
        with context.wrap_socket(connection, server_side=True) as client:
            threading.Thread(target=_copy, args=(backend, client), daemon=True).start()
            _copy(client, backend)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)

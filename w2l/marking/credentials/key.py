"""The key that signs this user's files: made on first use, kept outside any repository, renewed in time.

Source: C2PA Technical Specification 2, "X.509 certificates": the signer's certificate is not an authority's, is for
digital signatures, and names an extended key usage (here e-mail protection, which every validator accepts).

It is kept in ``$XDG_CONFIG_HOME/w2l/credentials`` or ``~/.config/w2l/credentials``; on OpenBayes under the persistent
home. On Colab it is lost with the machine: a key on Drive would be shared whenever its folder is shared.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from w2l.base import paths
from w2l.errors import W2LError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, Name

ORGANISATION = "Self-made key of a w2l user"  # in the certificates: other viewers show it as the issuer

_FILE = "signer.pem"  # the private key, its certificate and the root's: one file, so that they always match
_VALID = timedelta(days=3653)
_RENEWED = _VALID / 2  # without time stamps a signature lasts as long as its certificate: at least five years
_KEY_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def folder() -> Path:
    """Where this user's signing key is kept, whatever folder the user works in; not created here."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():
        base = (paths.home() if paths.platform() == "openbayes" else Path.home()) / ".config"
    return base / "w2l" / "credentials"


def identity() -> tuple[bytes, bytes]:
    """This user's private key (PEM, PKCS 8, P-256) and certificate chain (PEM, the signer's first), made if missing.

    Two processes that need a first key at the same time end up with the same one. Raises W2LError when the folder
    cannot be read or written, or the file in it holds no key.
    """
    path = folder() / _FILE
    now = datetime.now(UTC)
    try:
        if not path.exists():
            _store(path, _make(now))
        key, chain = _load(path)
        if not chain[0].not_valid_before_utc <= now < chain[0].not_valid_after_utc - _RENEWED:
            _store(path, _make(now), renew=True)
            key, chain = _load(path)
    except OSError as error:
        raise W2LError(
            f"cannot keep a signing key in {path.parent}: {error.strerror or error}; "
            "repair that folder, or set XDG_CONFIG_HOME to another one."
        ) from error
    return _pem(key), b"".join(_pem(certificate) for certificate in chain)


def missing() -> str:
    """Why there is no key and none can be kept, in a sentence; "" where there is one. A broken key raises W2LError."""
    try:
        identity()
    except W2LError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        return str(error)
    return ""


def _load(path: Path) -> tuple[EllipticCurvePrivateKey, list[Certificate]]:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = path.read_bytes()
    try:
        key, chain = load_pem_private_key(data, None), x509.load_pem_x509_certificates(data)
        if not isinstance(key, EllipticCurvePrivateKey) or chain[0].public_key() != key.public_key():
            raise ValueError("the key and the certificate do not belong together")
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise W2LError(f"{path} holds no signing key; delete it, and a new one is made at the next use.") from error
    return key, chain


def _store(path: Path, data: bytes, renew: bool = False) -> None:
    """Writes the file whole and private; a key that another process has just written stays, unless `renew`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if renew:
            os.replace(temporary, path)
        else:
            _link(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def _link(temporary: str, path: Path) -> None:
    """Gives the file its name if that is free, which a rename would not check."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        os.replace(temporary, path)


def _make(now: datetime) -> bytes:
    """A new key with its certificate and the root's; the root's own key is discarded, so it signs nothing else."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    root, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    return _pem(key) + _pem(_certificate(key, root, now)) + _pem(_certificate(root, root, now))


def _certificate(key: EllipticCurvePrivateKey, issuer: EllipticCurvePrivateKey, now: datetime) -> Certificate:
    """The certificate for a key: an authority for the issuer's own, else one that signs files. Names nobody."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority = key is issuer
    uses = dict.fromkeys(_KEY_USES, False) | ({"key_cert_sign": True} if authority else {"digital_signature": True})
    builder = (
        x509.CertificateBuilder(_name(issuer, "root"), _name(key, "root" if authority else "signer"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.KeyUsage(**uses), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=True)
    return builder.sign(issuer, SHA256())


def _name(key: EllipticCurvePrivateKey, role: str) -> Name:
    """The name in a certificate: the organisation, and eight hexadecimal digits that tell keys apart."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    fields = {NameOID.ORGANIZATION_NAME: ORGANISATION, NameOID.COMMON_NAME: f"w2l {role} {mark}"}
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in fields.items()])


def _pem(part: EllipticCurvePrivateKey | Certificate) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if isinstance(part, x509.Certificate):
        return part.public_bytes(Encoding.PEM)
    return part.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

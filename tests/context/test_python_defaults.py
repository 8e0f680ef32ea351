"""What a context refuses does not depend on the Python it runs on, or on how that Python's contexts begin.

Python's own builds speak TLS 1.2 at least. Debian's, which leaves that to OpenSSL's configuration, speaks what it is
told there: on it, rds_tls alone sets a floor. So these handshakes run on the system's Python too, where there is one.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rds_tls.context import sealed
from rds_tls.genuine import GenuineContext
from rds_tls.roots.lookup import anchors_for
from tests.conftest import OFFLINE, REGION, SIBLING
from tests.context.handshake_worker import HOST, TIMEOUT
from tests.support import ROOT
from tests.support.local_rds import Authority, Credentials, KeyType

SYSTEM = "/usr/bin/python3"

# OpenSSL's own settings at their lowest: a library that sets no floor gets none.
LOWERED = """
openssl_conf = whole
[whole]
ssl_conf = parts
[parts]
system_default = lowered
[lowered]
MinProtocol = TLSv1.1
CipherString = ALL:@SECLEVEL=0
"""


def pythons() -> list[str]:
    """List this Python and, if it is another one that the package supports, the system's."""
    if shutil.which(SYSTEM) is None or os.path.realpath(SYSTEM) == os.path.realpath(sys.executable):
        return [sys.executable]
    supported = subprocess.run([SYSTEM, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False)
    return [sys.executable] if supported.returncode else [sys.executable, SYSTEM]


every_python = pytest.mark.parametrize("python", pythons())


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An authority of the region."""
    return Authority(REGION, KeyType.ECC384)


@pytest.fixture(scope="module")
def credentials(authority: Authority) -> Credentials:
    """A good certificate for the endpoint, with its intermediate."""
    return authority.issue([HOST])


@contextmanager
def tls_server(credentials: Credentials, folder: Path, newest: ssl.TLSVersion) -> Iterator[int]:
    """Serve one handshake on loopback, with no TLS version above the given one, and give the port."""
    chain = folder / "server.pem"
    chain.write_bytes(credentials.chain_pem + credentials.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # TLS 1.1 is
        context.maximum_version = newest

    def serve() -> None:
        try:
            with listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as tls:
                tls.recv(1)
        except OSError:
            pass  # the client hung up: what it saw is what is tested

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def outcome(python: str, who: str, anchors: bytes, port: int, folder: Path) -> str:
    """Let a Python shake hands, OpenSSL's settings at their lowest, and give what it says about it."""
    configuration, ca_file = folder / "openssl.cnf", folder / "roots.pem"
    configuration.write_text(LOWERED)
    ca_file.write_bytes(anchors)
    command = [python, "-m", "tests.context.handshake_worker", who, str(ca_file), str(port)]
    environment = {**os.environ, "OPENSSL_CONF": str(configuration)}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=TIMEOUT
    )
    return result.stdout.strip()


@every_python
@pytest.mark.parametrize(("who", "said"), [("careless", "TLSv1.1"), ("sealed", "TLSV1_ALERT_PROTOCOL_VERSION")])
def test_tls_1_2_is_the_floor(
    python: str, who: str, said: str, authority: Authority, credentials: Credentials, tmp_path: Path
) -> None:
    """A server that speaks TLS 1.1 at most is refused, although server and OpenSSL would speak it."""
    with tls_server(credentials, tmp_path, ssl.TLSVersion.TLSv1_1) as port:
        assert outcome(python, who, authority.root_pem, port, tmp_path) == said


def no_roots(credentials: Credentials) -> dict[str, bytes]:
    """Give files of anchors that the chain leads to before it leads to a root."""
    leaf, intermediate = re.findall(rb"-----BEGIN.+?-----END CERTIFICATE-----\n", credentials.chain_pem, re.DOTALL)
    return {"intermediate": intermediate, "leaf": leaf + Authority(SIBLING, KeyType.ECC384).root_pem}


@every_python
@pytest.mark.parametrize("anchor", ["intermediate", "leaf"])
@pytest.mark.parametrize(("who", "said"), [("careless", "TLSv1.3"), ("sealed", "CERTIFICATE_VERIFY_FAILED")])
def test_chain_that_ends_before_a_root_is_refused(
    python: str, who: str, said: str, anchor: str, credentials: Credentials, tmp_path: Path
) -> None:
    """An intermediate or a leaf in a CA file is no anchor, as it is for create_default_context from Python 3.13 on."""
    with tls_server(credentials, tmp_path, ssl.TLSVersion.TLSv1_3) as port:
        assert outcome(python, who, no_roots(credentials)[anchor], port, tmp_path) == said


# What OpenSSL's own type may have in some Python or other, before we set anything.
BEGINNINGS: dict[str, dict[str, object]] = {
    "no floor": {"minimum_version": ssl.TLSVersion.MINIMUM_SUPPORTED},
    "partial chains": {"verify_flags": ssl.VERIFY_X509_PARTIAL_CHAIN},
    "not strict": {"verify_flags": ssl.VERIFY_DEFAULT},
    "common names": {"_host_flags": 0},
    "no verification": {"check_hostname": False, "verify_mode": ssl.CERT_NONE},
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_what_a_python_begins_with_does_not_last(beginning: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a Python or a distribution gives a new context, the sealed one verifies, by the strict rules."""
    settings = sealed._settings

    def begin(context: sealed.SealedContext) -> dict[str, object]:
        for name, value in beginning.items():
            GenuineContext.__setattr__(context, name, value)
        return settings(context)

    monkeypatch.setattr(sealed, "_settings", begin)
    context = sealed.SealedContext(anchors_for(None, REGION, OFFLINE))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert not context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert context.hostname_checks_common_name is False

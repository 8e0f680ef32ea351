"""The seal: what the running Python can do to an SSLContext, and what of it a sealed one lets happen."""

import _ssl
import asyncio
import copy
import gc
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

import rds_tls
from rds_tls import genuine
from rds_tls.context import sealed
from rds_tls.context.sealed import SealedContext, is_verified
from rds_tls.context.tunnel import tunnel_context
from rds_tls.roots.lookup import anchors_for
from tests.conftest import OFFLINE, Pki
from tests.hostile import stage
from tests.hostile.stage import HOST, OTHER, Authorities
from tests.hostile.wire import Peer, Wire, listening
from tests.support.local_rds import KeyType

# What a program may do with a sealed context: each of these gives an answer and changes nothing, or makes a connection,
# for which it needs a name. A name that a new Python adds is not here, and must be refused by itself.
HARMLESS_CALLS = {
    "_encode_hostname": ("example.com",),
    "cert_store_stats": (),
    "get_ca_certs": (),
    "get_ciphers": (),
    "get_groups": (),
    "session_stats": (),
}
MAKES_CONNECTIONS = {"wrap_bio", "wrap_socket", "_wrap_bio", "_wrap_socket"}
CLASSES = {"sslobject_class", "sslsocket_class"}

# Everything that ssl.SSLContext has here, but for what every Python class or object has.
NAMES = sorted(
    set(dir(ssl.SSLContext))
    - set(dir(object))
    - {"__dict__", "__module__", "__weakref__", "__firstlineno__", "__static_attributes__"}
)


@pytest.fixture
def context(pkis: dict[KeyType, Pki]) -> ssl.SSLContext:
    """A context that trusts the test PKI."""
    return rds_tls.ssl_context(HOST, settings=pkis[KeyType.ECC384].settings)


def state(context: ssl.SSLContext) -> list[object]:
    """Read what OpenSSL's own object holds, below whatever a subclass answers."""
    own = _ssl._SSLContext
    names = [name for name in dir(own) if hasattr(getattr(own, name), "__set__")]
    return [
        *(getattr(own, name).__get__(context) for name in names),
        own.cert_store_stats(context),
        own.get_ca_certs(context, binary_form=True),
        own.get_ciphers(context),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_harmless_or_refused(context: ssl.SSLContext, name: str) -> None:
    """Each attribute and method of this Python's SSLContext changes nothing, or raises and changes nothing."""
    before = state(context)
    if name in HARMLESS_CALLS:
        getattr(context, name)(*HARMLESS_CALLS[name])
    elif callable(getattr(ssl.SSLContext, name)) and name not in MAKES_CONNECTIONS | CLASSES:
        for arguments in ((), (None,), ("x",), (b"x", None)):
            with pytest.raises(rds_tls.SealedContextError, match="shared and sealed by rds_tls"):
                getattr(context, name)(*arguments)
    for value in (object(), None if getattr(context, name) is not None else 1):
        with pytest.raises(rds_tls.SealedContextError, match=f"{name} cannot be set"):
            setattr(context, name, value)
    with pytest.raises(rds_tls.SealedContextError, match=f"{name} cannot be deleted"):
        delattr(context, name)
    assert state(context) == before


@pytest.mark.parametrize("name", ["anchors", "guard", "sealed", "host", "_described", "anything"])
def test_own_attributes_are_sealed_too(context: ssl.SSLContext, name: str) -> None:
    """What the seal itself stands on can be neither set nor deleted."""
    with pytest.raises(rds_tls.SealedContextError):
        setattr(context, name, False)
    with pytest.raises(rds_tls.SealedContextError):
        delattr(context, name)


def test_method_of_a_later_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that nobody here has heard of is refused, as soon as ssl.SSLContext has it."""

    def set_weakness(_context: ssl.SSLContext) -> str:
        return "weakened"

    monkeypatch.setattr(genuine.Own, "set_weakness", set_weakness, raising=False)
    fresh = reloaded_sealed()
    context = fresh.SealedContext(anchors_for(None, "eu-west-1", OFFLINE))
    with pytest.raises(rds_tls.SealedContextError, match="set_weakness"):
        context.set_weakness()


def reloaded_sealed() -> Any:  # noqa: ANN401 - a module
    """Load rds_tls.context.sealed once more, beside the one that the other tests use."""
    spec = spec_from_file_location("sealed_of_a_later_python", sealed.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_loaded_is_openssls(context: ssl.SSLContext) -> None:
    """OpenSSL's own object holds the roots of the file and nothing else."""
    assert _ssl._SSLContext.cert_store_stats(context) == {"x509": 1, "crl": 0, "x509_ca": 1}


NAMELESS: dict[str, Callable[[ssl.SSLContext], object]] = {
    "wrap_bio": lambda context: context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO()),
    "wrap_bio, empty": lambda context: context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=""),
    "wrap_socket": lambda context: context.wrap_socket(socket.socket()),
    "wrap_socket, empty": lambda context: context.wrap_socket(socket.socket(), server_hostname=""),
    "_wrap_bio": lambda context: context._wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), False),  # type: ignore[attr-defined]  # noqa: FBT003
    "_wrap_socket": lambda context: context._wrap_socket(socket.socket(), False),  # type: ignore[attr-defined]  # noqa: FBT003
}


@pytest.mark.parametrize("wrap", NAMELESS.values(), ids=NAMELESS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_no_name_no_connection(context: ssl.SSLContext, wrap: Callable[[ssl.SSLContext], object]) -> None:
    """Without a name to verify nothing is made, and the error says what to pass."""
    with pytest.raises(
        rds_tls.OptionError, match=r"pass the endpoint, as in start_tls\(context, server_hostname=host\)"
    ):
        wrap(context)
    gc.collect()  # the sockets that nobody wrapped


def test_no_name_no_object(context: ssl.SSLContext) -> None:
    """The same below wrap_bio, where Python itself asks for a name from 3.15 on."""
    with pytest.raises(ValueError, match="server_hostname"):
        ssl.SSLObject._create(ssl.MemoryBIO(), ssl.MemoryBIO(), context=context)  # type: ignore[attr-defined]


@pytest.fixture
def impostor(pkis: dict[KeyType, Pki]) -> Iterator[Peer]:
    """A server with a certificate of the region's own roots, for another cluster."""
    authority = pkis[KeyType.ECC384].authority
    server = stage.server_context(stage.WRONG_NAME, Authorities(authority, authority))
    with suppress(ssl.SSLError), listening(lambda wire: wire.start_tls(server)) as peer:
        yield peer


async def start_tls_of_writer(context: ssl.SSLContext, address: tuple[str, int]) -> None:
    """Upgrade a stream in the default form."""
    _, writer = await asyncio.open_connection(*address)
    try:
        await writer.start_tls(context)
    finally:
        writer.transport.abort()


def start_tls_of_loop(name: str | None) -> Any:  # noqa: ANN401 - a coroutine function
    """Upgrade a transport with a name that is none."""

    async def start(context: ssl.SSLContext, address: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(asyncio.Protocol, *address)
        try:
            await loop.start_tls(transport, protocol, context, server_hostname=name)
        finally:
            transport.abort()

    return start


def open_connection(name: str) -> Any:  # noqa: ANN401 - as above
    """Open a TLS connection with a name that is none."""

    async def start(context: ssl.SSLContext, address: tuple[str, int]) -> None:
        _, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=name)
        writer.transport.abort()

    return start


LOOPS = {
    "StreamWriter.start_tls": start_tls_of_writer,
    "loop.start_tls, None": start_tls_of_loop(None),
    "loop.start_tls, empty": start_tls_of_loop(""),
    "open_connection, empty": open_connection(""),
}


@pytest.mark.parametrize("start", LOOPS.values(), ids=LOOPS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_event_loop_without_a_name_sends_nothing(context: ssl.SSLContext, impostor: Peer, start: Any) -> None:  # noqa: ANN401 - a coroutine function
    """Asyncio asks for no name, so a certificate of another cluster would pass: refused before a byte is sent."""
    with pytest.raises(rds_tls.OptionError, match="server_hostname is missing"):
        asyncio.run(start(context, impostor.address))
    gc.collect()  # the transport that asyncio leaves behind
    assert [bytes(wire.outside) for wire in impostor.wires if wire.outside] == []


def connect(context: ssl.SSLContext, address: tuple[str, int], **options: Any) -> ssl.SSLSocket:
    """Dial and wrap."""
    plain = socket.create_connection(address)
    try:
        return context.wrap_socket(plain, **options)
    except BaseException:
        plain.close()
        raise


@pytest.fixture
def endpoint(pkis: dict[KeyType, Pki]) -> Iterator[Peer]:
    """A server that is who it says."""
    authority = pkis[KeyType.ECC384].authority
    server = stage.server_context(stage.GOOD, Authorities(authority, authority))

    def script(wire: Wire) -> None:
        wire.start_tls(server)
        wire.send(b"hello")  # so that a client that has read it has the session's ticket too

    with listening(script) as peer:
        yield peer


def test_session_is_never_resumed(context: ssl.SSLContext, endpoint: Peer, impostor: Peer) -> None:
    """A TLS session of one endpoint opens no connection, neither to another name nor to its own."""
    with connect(context, endpoint.address, server_hostname=HOST) as tls:
        assert tls.read(5) == b"hello"
        session = tls.session
        assert session is not None
    for name in (HOST, OTHER):
        with pytest.raises(rds_tls.OptionError, match="a resumed TLS session verifies no certificate"):
            connect(context, impostor.address, server_hostname=name, session=session)
        with pytest.raises(rds_tls.OptionError, match="a resumed TLS session verifies no certificate"):
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name, session=session)
    with connect(context, impostor.address, server_hostname=OTHER, do_handshake_on_connect=False) as waiting:
        with pytest.raises(rds_tls.SealedContextError, match="session cannot be set"):
            waiting.session = session
        with pytest.raises(rds_tls.SealedContextError, match="context cannot be set"):
            waiting.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    objects = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=OTHER)
    with pytest.raises(rds_tls.SealedContextError, match="session cannot be set"):
        objects.session = session
    with pytest.raises(rds_tls.SealedContextError, match="context cannot be set"):
        objects.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def test_is_verified_believes_openssl_alone(context: SealedContext, endpoint: Peer) -> None:
    """A connection counts for its own name and its own anchors; what only looks like one does not."""
    with connect(context, endpoint.address, server_hostname=HOST) as tls:
        assert is_verified(tls, HOST, context.anchors)
        assert not is_verified(tls, OTHER, context.anchors)
        assert not is_verified(tls, HOST, (context.anchors[0], "another digest"))
        tls.server_hostname = OTHER
        assert not is_verified(tls, OTHER, context.anchors)
    assert not is_verified(tls, HOST, context.anchors)
    assert not is_verified(socket.socket, HOST, context.anchors)
    assert not is_verified(None, HOST, context.anchors)


def test_copies_are_the_same_object(context: ssl.SSLContext) -> None:
    """Frameworks copy their settings, and with them the arguments that hold a context."""
    anchors = anchors_for(HOST, None, OFFLINE)
    for original in (context, tunnel_context(anchors, HOST)):
        assert copy.copy(original) is original
        assert copy.deepcopy({"ssl": [original]})["ssl"][0] is original
    options = rds_tls.mysql_kwargs(HOST, settings=OFFLINE)
    assert copy.deepcopy(options) == options


def test_context_answers_for_no_mapping(context: Any) -> None:  # noqa: ANN401 - asked as what it is not
    """A driver that takes it for a mapping of files gets a CA file that cannot exist, with what to pass instead."""
    path = context["ca"]
    assert "mysqlclient takes no SSLContext" in path
    assert not Path(path).exists()
    with pytest.raises(NotADirectoryError):
        Path(path).stat()
    for name in ("key", "cert", "capath", "cipher"):
        with pytest.raises(KeyError):
            context[name]


def test_unknown_socket_class_is_named(
    context: ssl.SSLContext, endpoint: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that replaces ssl.SSLSocket by something unknown is named before a byte goes out."""

    class Odd(ssl.SSLSocket):
        pass

    monkeypatch.setattr(ssl, "SSLSocket", Odd)
    with pytest.raises(
        rds_tls.TrustError, match=r"tests\.context\.test_seal\.\S*Odd stands in the place of ssl\.SSLSocket"
    ):
        connect(context, endpoint.address, server_hostname=HOST)
    assert [bytes(wire.outside) for wire in endpoint.wires if wire.outside] == []


def test_function_in_the_place_of_a_socket_is_named(
    context: ssl.SSLContext, endpoint: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no class can derive from is named just as well."""

    def odd(*_: object, **__: object) -> None:
        """Stand in the place of a class."""

    monkeypatch.setattr(ssl, "SSLSocket", odd)
    with pytest.raises(rds_tls.TrustError, match=r"\.odd stands in the place of ssl\.SSLSocket"):
        connect(context, endpoint.address, server_hostname=HOST)
    assert [bytes(wire.outside) for wire in endpoint.wires if wire.outside] == []


def test_missing_original_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter's own class is nowhere to be found, an error names what stands in its place."""

    class Nobody:
        """OpenSSL's type as it would be without ssl.py's class below it."""

    monkeypatch.setattr(_ssl, "_SSLContext", Nobody)
    with pytest.raises(rds_tls.TrustError, match=r"gone, ssl\.SSLContext stands in its place"):
        genuine._interpreters_own()

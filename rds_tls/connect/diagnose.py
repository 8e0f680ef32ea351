"""The public ways to look at a server without logging in; their arguments are checked as a connection's are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rds_tls.connect.request import Address, Destination, Request, checked_seconds, resolve_destination
from rds_tls.diagnosis.doctor import Patient, examine, view
from rds_tls.diagnosis.explain import explain, with_proposal
from rds_tls.diagnosis.probe import chain_of
from rds_tls.diagnosis.report import Check, ProbeReport, Report
from rds_tls.drivers import MYSQL, POSTGRES
from rds_tls.endpoint import parse_endpoint, split_host
from rds_tls.errors import EndpointError, OptionError, TrustError
from rds_tls.roots.lookup import obtain_anchors
from rds_tls.settings import Settings, process_settings

if TYPE_CHECKING:
    from rds_tls.diagnosis.cause import Diagnosis

# How long each step of a look may take unless the caller says otherwise, in seconds.
_SECONDS = 5.0

_ENGINES = {"postgresql": POSTGRES, "mysql": MYSQL}

Protocol = Literal["postgresql", "mysql"]


def diagnose(
    host: str,
    *,
    engine: Protocol | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    region: str | None = None,
    connect_timeout: float = _SECONDS,
    settings: Settings | None = None,
) -> Report:
    """Say why a verified connection cannot be had, or that it can; nobody is logged in, and no password is asked for.

    It resolves, dials, asks for TLS and shakes hands, as a connection would, and where the handshake fails it looks at
    what the server sent. None of these connections carries a name or a secret.

    Args:
        host: the endpoint.
        engine: what is spoken there; found out unless given.
        port: its TCP port; the engine's unless given, and without an engine whichever of 5432 and 3306 answers.
        via: dial this (address, port), and verify the endpoint.
        expect: follow ``host`` as an alias to what this names.
        region: the AWS region, for an endpoint whose name has none.
        connect_timeout: how long each step may take, in seconds.
        settings: where trust anchors come from; those of the environment unless given.

    Returns:
        The report: a host that is no endpoint, or has no trust anchors, is one that fails at its first step.

    Raises:
        OptionError: an argument is none, or two contradict each other.
    """
    request = Request(host, port, via, expect, region, settings, connect_timeout=connect_timeout)
    seconds = checked_seconds(request) or _SECONDS
    try:
        return examine(_patient(request, engine, seconds))
    except (EndpointError, TrustError, OSError) as error:
        shown = _shown(host)
        cause = explain(error, shown)
        check = _failed(error, shown)
        return Report(shown, (check,), cause and _with_leaf(with_proposal(cause, shown), host, seconds))


def probe(
    host: str,
    *,
    engine: Protocol | None = None,
    port: int | None = None,
    via: Address | None = None,
    expect: str | None = None,
    region: str | None = None,
    connect_timeout: float = _SECONDS,
    settings: Settings | None = None,
) -> ProbeReport:
    """See which certificates a server sends, and whether they verify; nobody is logged in.

    Args:
        host: the endpoint.
        engine: what is spoken there; found out unless given.
        port: its TCP port, as for ``diagnose``.
        via: dial this (address, port), and verify the endpoint.
        expect: follow ``host`` as an alias to what this names.
        region: the AWS region, for an endpoint whose name has none.
        connect_timeout: how long each step may take, in seconds.
        settings: where trust anchors come from; those of the environment unless given.

    Returns:
        The whole chain, with its dates, its names and its CA, verified or not.

    Raises:
        EndpointError, OptionError, TrustError: as for ``connect_postgres``.
        OSError: the server cannot be dialled, or offers no TLS; the message says why, as ``diagnose`` does.
    """
    request = Request(host, port, via, expect, region, settings, connect_timeout=connect_timeout)
    return view(_patient(request, engine, checked_seconds(request) or _SECONDS))


def _patient(request: Request, engine: Protocol | None, seconds: float) -> Patient:
    """Find the endpoint and its trust anchors; an alias is followed by DNS."""
    if engine is not None and engine not in _ENGINES:
        raise OptionError(f"engine= is none that is known here: use one of {', '.join(_ENGINES)}, or leave it out")
    chosen = None if engine is None else _ENGINES[engine]
    destination = resolve_destination(request, POSTGRES.port if chosen is None else chosen.port)
    anchors = obtain_anchors(destination.roots, process_settings() if request.settings is None else request.settings)
    dialled, ports = _addresses(destination, is_known=chosen is not None)
    return Patient(destination.endpoint, anchors, dialled, ports, chosen and chosen.protocol, seconds)


def _failed(error: Exception, host: str) -> Check:
    """Give the step that an error is of; the rule that a name or a region breaks is the cause's to say."""
    if isinstance(error, EndpointError):
        return Check("name", ok=False, text=f"{host!r} is not an RDS endpoint")
    if isinstance(error, OSError):
        return Check("DNS", ok=False, text=str(error))
    return Check("roots", ok=False, text="there are none")


def _with_leaf(cause: Diagnosis, host: str, seconds: float) -> Diagnosis:
    """Say of a local address, as a tunnel has, for which names the certificate is that answers there."""
    if cause.id != "local-address":
        return cause
    try:
        name, given = split_host(host).name_and_port()
    except EndpointError:  # as for IPv6, which has no port here
        return cause
    for port in (POSTGRES.port, MYSQL.port) if given is None else (given,):
        address = (name, port)
        chain = chain_of(address, "postgresql", name, seconds) or chain_of(address, "mysql", name, seconds)
        if chain:
            facts = (
                chain[0].facts()[0],
                f"pass one of those names as host, and via=({name!r}, {port}) (rds-tls: --via {name}:{port})",
            )
            return cause._replace(facts=facts)
    return cause


def _shown(host: str) -> str:
    """Give the name in what was given for a host, which may be a URL with a password."""
    try:
        return parse_endpoint(host).host
    except EndpointError as error:
        return error.host


def _addresses(destination: Destination, *, is_known: bool) -> tuple[str, tuple[int, ...]]:
    if destination.via is not None:
        return destination.via[0], (destination.via[1],)
    if is_known or destination.is_port_given:
        return destination.endpoint.host, (destination.port,)
    return destination.endpoint.host, (POSTGRES.port, MYSQL.port)

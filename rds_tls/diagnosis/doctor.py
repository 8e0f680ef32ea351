"""From a name to a verified handshake, step by step, up to the first that fails: nobody is logged in."""

from __future__ import annotations

import socket
import ssl
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from rds_tls.context.dial import Deadline, dial
from rds_tls.context.handshake import Answer, Protocol, ask_for_tls, shake_hands
from rds_tls.context.shared import shared_context
from rds_tls.diagnosis.causes import UNKNOWN_ROOT
from rds_tls.diagnosis.certificates import read_chain
from rds_tls.diagnosis.clock import ask_for_time
from rds_tls.diagnosis.evidence import ABOUT_CERTIFICATES, ABOUT_TIME, Evidence, diagnosis_of, roots_at_hand
from rds_tls.diagnosis.probe import Sight, look
from rds_tls.diagnosis.report import Check, ProbeReport, Report
from rds_tls.diagnosis.texts import cause_of, openssls_words
from rds_tls.roots.healing import heal, trouble_with

if TYPE_CHECKING:
    from rds_tls.diagnosis.cause import Diagnosis
    from rds_tls.endpoint import Endpoint
    from rds_tls.roots.anchors import Anchors

# What an answer to the request for TLS that is no yes means.
_CAUSES = {
    Answer.NO: "no-tls",
    Answer.MORE: "injected-bytes",
    Answer.ERROR: "hung-up",
    Answer.END: "hung-up",
    Answer.OTHER: "not-a-database",
    Answer.MYSQL: "other-engine",
    Answer.POSTGRESQL: "other-engine",
}
# How soon a MySQL server greets, in seconds, unless it is far away or in trouble.
_SOON = 1.0

_TITLES: dict[Protocol, str] = {"postgresql": "PostgreSQL", "mysql": "MySQL"}


class Patient(NamedTuple):
    """What is examined.

    Attributes:
        endpoint: the endpoint, whose name is verified.
        anchors: its trust anchors.
        dialled: the name or address to dial.
        ports: the TCP ports to dial, the first that answers counts.
        protocol: what is spoken there; None to find out.
        seconds: how long each step may take.
        may_heal: whether newer roots may be looked for, as a connection would.
    """

    endpoint: Endpoint
    anchors: Anchors
    dialled: str
    ports: tuple[int, ...]
    protocol: Protocol | None
    seconds: float
    may_heal: bool = True

    def diagnosis(self, cause: str) -> Diagnosis:
        """Fill a cause that comes before any certificate is seen."""
        return diagnosis_of(cause, Evidence(self.endpoint, self.anchors))


class _Failed(Exception):  # noqa: N818 - the end of the examination, which nobody else sees
    """A step failed."""

    def __init__(self, name: str, text: str, cause: Diagnosis) -> None:
        super().__init__(text)
        self.check, self.cause = Check(name, ok=False, text=text), cause


def examine(patient: Patient) -> Report:
    """Look at each step on the way to a verified connection; this resolves and dials.

    Args:
        patient: what to examine; name and trust anchors have been found.

    Returns:
        The steps up to the first that fails, and its cause.
    """
    endpoint = patient.endpoint
    where = f", {endpoint.region}" if endpoint.region else ""
    checks = [
        Check("name", ok=True, text=f"{endpoint.kind.value} {endpoint.identifier!r}{where}"),
        Check("roots", ok=True, text=str(patient.anchors)),
    ]
    try:
        checks.append(_resolve(patient))
        port, tcp = _dial(patient)
        checks.append(tcp)
        protocol, tls = _ask(patient, port)
        checks.append(tls)
        checks.append(_verify(patient, port, protocol)[1])
    except _Failed as failed:
        return Report(endpoint.host, (*checks, failed.check), failed.cause)
    return Report(endpoint.host, tuple(checks))


def view(patient: Patient) -> ProbeReport:
    """See what a server sends, and whether that verifies.

    Raises:
        OSError: the server cannot be dialled, does not answer in time, or offers no TLS that could be looked at.
    """
    try:
        port, _ = _dial(patient)
        protocol, _ = _ask(patient, port)
    except _Failed as failed:
        raise OSError(str(failed.cause)) from failed.__cause__
    sight = _sight(patient, port, protocol)
    report = ProbeReport(patient.endpoint.host, protocol, sight.tls, sight.chain)
    try:
        anchors, _ = _verify(patient, port, protocol, sight)
    except _Failed as failed:
        return report._replace(cause=failed.cause)
    root = (roots_at_hand(anchors) or {}).get(sight.chain[-1].issuer) if sight.chain else None
    return report if root is None else report._replace(root=read_chain([root.der])[0])


def _resolve(patient: Patient) -> Check:
    try:
        found = socket.getaddrinfo(patient.dialled, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _Failed("DNS", str(error), patient.diagnosis(cause_of(error) or "name-not-found")) from error
    return Check("DNS", ok=True, text=", ".join(dict.fromkeys(_address(str(entry[4][0])) for entry in found)))


def _address(text: str) -> str:
    """Say of an address of a VPC's that it is one: it is reached from there alone."""
    address = ip_address(text.partition("%")[0])
    return f"{text} (private)" if address.is_private and not address.is_loopback else text


def _dial(patient: Patient) -> tuple[int, Check]:
    """Find the port that answers."""
    errors = []
    for port in patient.ports:
        begin = time.monotonic()
        try:
            dial(patient.dialled, port, Deadline(patient.seconds)).close()
        except OSError as error:
            errors.append((port, error))
        else:
            taken = 1000 * (time.monotonic() - begin)
            return port, Check("TCP", ok=True, text=f"{patient.dialled}:{port} in {taken:.0f} ms")
    said = "; ".join(f"{patient.dialled}:{port}: {_said(error, patient)}" for port, error in errors)
    raise _Failed("TCP", said, patient.diagnosis(cause_of(errors[0][1]) or "no-answer")) from errors[0][1]


def _said(error: OSError, patient: Patient) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {patient.seconds:g} s (dropped on the way, not refused)"
    return error.strerror or type(error).__name__


def _ask(patient: Patient, port: int) -> tuple[Protocol, Check]:
    """Ask for TLS as one engine's clients do, and as the other's where that leads nowhere."""
    protocol = patient.protocol or "postgresql"
    answer = _ask_mysql(patient, port) if protocol == "mysql" else _answer(patient, port, protocol, patient.seconds)
    if patient.protocol is None and answer is Answer.MYSQL:
        protocol, answer = "mysql", _answer(patient, port, "mysql", patient.seconds)
    if answer is None:
        text = f"{patient.dialled}:{port} says nothing in {patient.seconds:g} s"
        raise _Failed("TLS", text, patient.diagnosis("no-answer"))
    if answer is not Answer.YES:
        text = f"{patient.dialled}:{port} answers with {answer.value}"
        raise _Failed("TLS", text, patient.diagnosis(_CAUSES[answer]))
    return protocol, Check("TLS", ok=True, text=f"{_TITLES[protocol]} offers it")


def _ask_mysql(patient: Patient, port: int) -> Answer | None:
    """Wait for MySQL's greeting; where none comes soon, PostgreSQL may be waiting too, and answers at once."""
    soon = min(_SOON, patient.seconds)
    answer = _answer(patient, port, "mysql", soon)
    if answer is not None:
        return answer
    if _answer(patient, port, "postgresql", soon) in {Answer.YES, Answer.NO}:
        return Answer.POSTGRESQL
    return _answer(patient, port, "mysql", patient.seconds)


def _answer(patient: Patient, port: int, protocol: Protocol, seconds: float) -> Answer | None:
    """Ask for TLS; None where there is no answer in time."""
    deadline = Deadline(seconds)
    try:
        with dial(patient.dialled, port, deadline) as plain:
            return ask_for_tls(plain, protocol, deadline)
    except TimeoutError:
        return None
    except OSError:
        return Answer.END


def _verify(patient: Patient, port: int, protocol: Protocol, sight: Sight | None = None) -> tuple[Anchors, Check]:
    """Shake hands as a connection would, with newer roots if need be, and where that fails see what the server sent."""
    try:
        return patient.anchors, _shake_hands(patient, port, protocol)
    except OSError as error:
        reason = error
    cause = cause_of(reason) or "hung-up"
    newer = heal(patient.anchors) if cause == UNKNOWN_ROOT and patient.may_heal else None
    if newer is not None:
        return _verify(patient._replace(anchors=newer, may_heal=False), port, protocol, sight)
    evidence = Evidence(patient.endpoint, patient.anchors, reason=str(reason), trouble=trouble_with(patient.anchors))
    if cause in ABOUT_CERTIFICATES:
        evidence = evidence._replace(chain=(sight or _sight(patient, port, protocol)).chain)
    if cause in ABOUT_TIME:
        evidence = evidence._replace(time=ask_for_time(patient.anchors, patient.seconds))
    raise _Failed("chain", openssls_words(str(reason)), diagnosis_of(cause, evidence)) from reason


def _shake_hands(patient: Patient, port: int, protocol: Protocol) -> Check:
    deadline = Deadline(patient.seconds)
    with dial(patient.dialled, port, deadline) as plain:
        ask_for_tls(plain, protocol, deadline)
        with shake_hands(plain, shared_context(patient.anchors), patient.endpoint.host, deadline) as tls:
            ends = ssl.cert_time_to_seconds(str((tls.getpeercert() or {})["notAfter"]))
            days = int((ends - time.time()) // 86_400)
            by = "" if patient.may_heal else f" by newer roots: the {patient.anchors}"
            return Check("chain", ok=True, text=f"{tls.version()}, verified{by}; the certificate ends in {days} days")


def _sight(patient: Patient, port: int, protocol: Protocol) -> Sight:
    try:
        return look((patient.dialled, port), protocol, patient.endpoint.host, patient.seconds)
    except OSError:
        return Sight(Answer.END)

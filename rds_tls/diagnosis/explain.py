"""Why an error was raised, from the error alone: nothing is dialled, resolved or read."""

from __future__ import annotations

from rds_tls.diagnosis.cause import Diagnosis  # noqa: TC001 - typing.get_type_hints looks it up here
from rds_tls.diagnosis.causes import CAUSES
from rds_tls.diagnosis.tell import noted
from rds_tls.diagnosis.texts import cause_of, links
from rds_tls.errors import EndpointError, TrustError


def explain(error: BaseException, host: str | None = None) -> Diagnosis | None:
    """Say why a connection failed, and what to do about it; for an error that is caught, and for a log.

    It reads the error and those below it: the note, where ``rds_tls`` has added one, texts and classes. Nothing is
    dialled; ``diagnose`` does that.

    Args:
        error: what a driver, a pool, an ORM or ``rds_tls`` raised.
        host: the endpoint, for an error without a note; never anything that holds a password.

    Returns:
        The diagnosis, whose ``id`` is that of the note; None where nothing known is said.
    """
    for link in links(error):
        found = noted(link)
        if found is not None:
            return found
    cause = cause_of(error)
    return None if cause is None else CAUSES[cause].diagnosis(_names(error, host))


def with_proposal(diagnosis: Diagnosis, host: str) -> Diagnosis:
    """Say of a name of somebody's own where DNS leads from it; this asks the resolver.

    Args:
        diagnosis: why the name is no endpoint.
        host: the name.

    Returns:
        The diagnosis, with what DNS says among its facts where that is an endpoint.
    """
    if diagnosis.id != "alias":
        return diagnosis
    from rds_tls.endpoint.alias import proposed

    found = proposed(host)
    if found is None:
        return diagnosis
    endpoint, pattern = found
    facts = (
        f"DNS says that it leads to {endpoint.host}, which proves nothing",
        f"if that is the one you mean, connect with expect={pattern!r} (rds-tls: --expect)",
    )
    return diagnosis._replace(facts=facts)


def _names(error: BaseException, host: str | None) -> dict[str, str]:
    """Give what the templates of those causes are about that a text or a class leads to."""
    names = {"host": host or "the endpoint", "anchors": "those that the driver was given", "rule": ""}
    for link in links(error):
        if isinstance(link, EndpointError):
            return {**names, "host": repr(link.host), "rule": link.rule}
        if isinstance(link, TrustError):
            return {**names, "rule": str(link)}
    return names

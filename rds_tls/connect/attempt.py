"""One connection from a request: plan it, dial, and after a refusal heal once or explain it.

Pools and frameworks that want a connection of ours each time call this, and not the public functions above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rds_tls import log
from rds_tls.connect.plan import make_plan, plan_at_once
from rds_tls.drivers import async_adapter, sync_adapter
from rds_tls.errors import OptionError, RdsTlsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rds_tls.connect.plan import Plan
    from rds_tls.connect.request import Request
    from rds_tls.drivers import Engine


# PostgreSQL's 28P01 (src/backend/libpq/auth.c, auth_failed) and MySQL's 1045 (ER_ACCESS_DENIED_ERROR, errmsg), which
# reach drivers as these words. MySQL's 1044, for a database, has no "using password".
_LOGIN_REFUSED = (("password authentication failed for user",), ("access denied for user", "using password: yes"))


def connect(engine: Engine, driver: str, request: Request, driver_options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the driver's connection
    """Dial what a request asks for, and verify what comes of it.

    Args:
        engine: the database engine.
        driver: the name of its driver.
        request: what is asked for.
        driver_options: what is passed on to the driver.

    Returns:
        The driver's connection.

    Raises:
        UnverifiedConnectionError: the driver returned a connection that is not what was asked for.
        RdsTlsError, OSError: as for ``make_plan``.
        Exception: what the driver raises, with a note when TLS is the cause.
    """
    adapter = sync_adapter(engine, driver)
    plan = _for_a_user(make_plan(adapter, engine, request, driver_options))

    def again() -> Mapping[str, Any]:
        return make_plan(adapter, engine, request, driver_options).options

    while True:
        try:
            connection = adapter.connect(plan.options, plan.target._replace(again=again), plan.seconds)
        except Exception as error:
            better = second_plan(plan, error)
            if better is None:
                raise
            plan = better
        else:
            adapter.verify(connection, plan.target, plan.options)
            return connection


async def aconnect(engine: Engine, driver: str, request: Request, driver_options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
    """Dial as ``connect`` does, in the running event loop; whatever may block is done in a thread."""
    import asyncio  # 20 ms that a program without an event loop need not pay

    adapter = async_adapter(engine, driver)
    plan = plan_at_once(adapter, engine, request, driver_options)
    if plan is None:
        plan = await asyncio.to_thread(make_plan, adapter, engine, request, driver_options)
    plan = _for_a_user(plan)

    def again() -> Mapping[str, Any]:
        return make_plan(adapter, engine, request, driver_options).options

    while True:
        try:
            connection = await adapter.aconnect(plan.options, plan.target._replace(again=again), plan.seconds)
        except Exception as error:
            better = await asyncio.to_thread(second_plan, plan, error)
            if better is None:
                raise
            plan = better
        else:
            adapter.verify(connection, plan.target, plan.options)
            return connection


def _for_a_user(plan: Plan) -> Plan:
    """Refuse to connect as nobody: some drivers would take the name of the operating system's user."""
    if "user" not in plan.options:
        raise OptionError("there is no user to log in as: pass user=, or a URL that names one")
    return plan


def second_plan(plan: Plan, error: Exception) -> Plan | None:
    """Decide whether a driver's error leads to a second attempt; this may dial, download or fetch a secret.

    A refused login does where the secret has changed meanwhile, as when RDS rotates it; for all else see
    ``heal_or_explain``.

    Args:
        plan: what was tried.
        error: what the driver raised.

    Returns:
        The plan for a second attempt, or None when the error stands.
    """
    if plan.login is not None and is_login_refused(str(error)):
        try:
            return plan.with_new_login()
        except RdsTlsError as trouble:
            log.warning("no second attempt at %s with a newer secret: %s", plan.target.host, trouble)
            return None
    return heal_or_explain(plan, error)


def is_login_refused(text: str) -> bool:
    """Say whether a driver's error is that the password is wrong, which no verified TLS has to do with.

    Args:
        text: what ``str()`` gives for the error.
    """
    folded = text.lower()
    return any(all(part in folded for part in parts) for parts in _LOGIN_REFUSED)


def heal_or_explain(plan: Plan, error: Exception) -> Plan | None:
    """Decide what follows from a driver's error; this may dial the server again, and download newer roots.

    An unknown root alone leads to a second attempt, and only where newer roots are found. Every other failure but a
    refused login gets a note with its cause and its fix, and the log a warning.

    Args:
        plan: what was tried.
        error: what the driver raised; it is left as it is but for the note.

    Returns:
        The plan for a second attempt, or None when the error stands.
    """
    from rds_tls.diagnosis.causes import LOGIN_REFUSED, UNKNOWN_ROOT  # only a failure pays for its tables
    from rds_tls.diagnosis.texts import cause_of

    text = plan.adapter.explain(error, plan.target)
    cause = cause_of(error, text)
    if cause is None or cause == LOGIN_REFUSED:  # the server's own words say it, and TLS has no part in it
        return None
    healed = _healed(plan) if cause == UNKNOWN_ROOT and not plan.healed else None
    if healed is None:
        _explain(plan, error, cause, text)
    return healed


def _explain(plan: Plan, error: Exception, cause: str, text: str) -> None:
    """Say what stands in the way; this may dial the server, to see the certificates that it sends."""
    from rds_tls.diagnosis.evidence import ABOUT_CERTIFICATES, Evidence, diagnosis_of
    from rds_tls.diagnosis.probe import chain_of
    from rds_tls.diagnosis.tell import tell
    from rds_tls.roots.healing import trouble_with

    target = plan.target
    evidence = Evidence(plan.endpoint, target.anchors, reason=text, trouble=trouble_with(target.anchors))
    if cause in ABOUT_CERTIFICATES:
        address = target.via or (target.host, target.port)
        evidence = evidence._replace(chain=chain_of(address, plan.engine.protocol, target.host))
    tell(error, diagnosis_of(cause, evidence), target.host)


def _healed(plan: Plan) -> Plan | None:
    """Look for newer roots, and plan a second attempt with them; None where there are none, or none that load."""
    from rds_tls.roots.healing import heal  # threads and a schedule, which only a rotation needs

    anchors = heal(plan.target.anchors)
    if anchors is None:
        return None
    try:
        return plan.with_newer(anchors)
    except RdsTlsError as error:  # as when OpenSSL cannot load them
        log.warning("no second attempt at %s with newer roots: %s", plan.target.host, error)
        return None

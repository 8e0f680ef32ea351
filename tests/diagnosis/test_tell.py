"""Where a diagnosis is told: one note on the error, one warning in a minute."""

import logging
from types import SimpleNamespace

import psycopg
import pytest

import rds_tls
from rds_tls.diagnosis import tell as telling
from rds_tls.diagnosis.cause import Diagnosis
from rds_tls.diagnosis.tell import tell
from tests.conftest import OFFLINE

HOST = "orders.cluster-abc123def456.eu-west-1.rds.amazonaws.com"
DIAGNOSIS = Diagnosis("refused", "nobody listens", (), "start it")
LINE = "nobody listens [refused]; fix: start it"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """List the warnings of this package's logger."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_error_gets_one_note() -> None:
    """An error that is told twice, as through a pool of a pool, has one note."""
    error = OSError("refused")
    tell(error, DIAGNOSIS, HOST)
    tell(error, DIAGNOSIS._replace(id="no-answer"), HOST)
    assert error.__notes__ == [DIAGNOSIS.note()]


def test_log_gets_one_warning_a_minute(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every error gets its note; the log gets the first, and after a minute how many there were."""
    now = [1000.0]
    monkeypatch.setattr(telling, "time", SimpleNamespace(monotonic=lambda: now[0]))
    errors = [OSError() for _ in range(4)]
    for error in errors[:3]:
        tell(error, DIAGNOSIS, HOST)
    assert warnings(caplog) == [LINE]
    tell(OSError(), DIAGNOSIS, "other." + HOST)
    tell(OSError(), DIAGNOSIS._replace(id="no-answer"), HOST)
    assert len(warnings(caplog)) == 3
    now[0] += 60
    tell(errors[3], DIAGNOSIS, HOST)
    assert warnings(caplog)[3:] == [f"{LINE} (and 2 more times since the last warning)"]
    assert all(len(error.__notes__) == 1 for error in errors)


def test_log_on_lambda_gets_every_warning(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads what one invocation on AWS Lambda logged finds the cause there, not with an earlier one."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    for _ in range(3):
        tell(OSError(), DIAGNOSIS, HOST)
    assert warnings(caplog) == [LINE] * 3


def test_memory_is_bounded() -> None:
    """A program that names thousands of hosts keeps a few."""
    for number in range(1000):
        tell(OSError(), DIAGNOSIS, str(number))
    assert len(telling._told) <= 256


def test_failed_connection_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Who prints errors without their notes finds the same words under the logger."""
    with pytest.raises(psycopg.OperationalError) as caught:
        rds_tls.connect_postgres(HOST, user="app", via=("127.0.0.1", 1), settings=OFFLINE)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.name == "rds_tls"
    assert record.getMessage() == str(rds_tls.explain(caught.value))
    assert "[refused]" in caught.value.__notes__[0]

"""Settings: from arguments, from the environment, and what a bad value says."""

from pathlib import Path
from typing import Any

import pytest

import rds_tls
from rds_tls.settings import Settings

VARIABLES: dict[str, tuple[str, Any]] = {
    "RDS_TLS_CA_BUNDLE": ("/roots.pem", {"ca_file": "/roots.pem"}),
    "RDS_TLS_BUNDLE_DIR": ("/opt/roots", {"bundle_dir": "/opt/roots"}),
    "RDS_TLS_CACHE_DIR": ("/var/cache/rds", {"cache_dir": "/var/cache/rds"}),
    "RDS_TLS_MAX_AGE": ("3600", {"max_age": 3600.0}),
    "RDS_TLS_CONNECT_TIMEOUT": ("1.5", {"connect_timeout": 1.5}),
    "RDS_TLS_TOTAL_TIMEOUT": ("30", {"total_timeout": 30.0}),
    "RDS_TLS_OFFLINE": ("Yes", {"offline": True}),
    "RDS_TLS_TRUSTSTORE_URL": ("https://mirror.example/rds", {"truststore_url": "https://mirror.example/rds"}),
    "RDS_TLS_TRUSTSTORE_CA_FILE": ("/mirror.pem", {"mirror_ca_file": "/mirror.pem"}),
    "RDS_TLS_BUNDLE_FORMAT": ("p7b", {"bundle_format": "p7b"}),
    "RDS_TLS_KNOWN_ROOTS_ONLY": ("1", {"known_roots_only": True}),
}


def test_defaults() -> None:
    """An empty environment gives the documented defaults."""
    assert Settings.from_env({}) == Settings()
    assert Settings() == (None, None, None, 604_800.0, 2.0, 10.0, False, None, None, "pem", False)


@pytest.mark.parametrize(("variable", "row"), VARIABLES.items())
def test_variable_is_read(variable: str, row: tuple[str, Any]) -> None:
    """Each setting has a variable, which an argument overrides and an empty value leaves unset."""
    text, expected = row
    assert Settings.from_env({variable: text}) == Settings(**expected)
    assert Settings.from_env({variable: ""}) == Settings()
    (name,) = expected
    default = Settings()._asdict()[name]
    assert Settings.from_env({variable: text}, **{name: default}) == Settings()


def test_every_setting_has_a_variable() -> None:
    """The table above names every field."""
    named = {name for _, expected in VARIABLES.values() for name in expected}
    assert named == set(Settings._fields)


def test_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the variables of the process are read, at the time of the call."""
    monkeypatch.setenv("RDS_TLS_MAX_AGE", "60")
    assert Settings.from_env().max_age == 60.0


BAD_VARIABLES = {
    "RDS_TLS_MAX_AGE": ("a week", "must be a number of seconds, 0 or more"),
    "RDS_TLS_CONNECT_TIMEOUT": ("0", "must be a number of seconds above 0, an hour at most"),
    "RDS_TLS_TOTAL_TIMEOUT": ("inf", "must be a number of seconds above 0, an hour at most"),
    "RDS_TLS_OFFLINE": ("maybe", "must be true or false"),
    "RDS_TLS_TRUSTSTORE_URL": ("http://mirror.example", "beginning with https://"),
    "RDS_TLS_BUNDLE_FORMAT": ("der", "must be pem or p7b"),
    "RDS_TLS_KNOWN_ROOTS_ONLY": ("2", "must be true or false"),
}


@pytest.mark.parametrize(("variable", "row"), BAD_VARIABLES.items())
def test_bad_variable_is_named(variable: str, row: tuple[str, str]) -> None:
    """A value that cannot be used raises with the variable's name, the value and the rule."""
    text, rule = row
    with pytest.raises(rds_tls.SettingsError, match=rule) as caught:
        Settings.from_env({variable: text})
    assert str(caught.value).startswith(f"{variable}={text!r} ")


BAD_ARGUMENTS: list[dict[str, Any]] = [
    {"ca_file": ""},
    {"ca_file": 3},
    {"cache_dir": b"/cache"},
    {"max_age": -1},
    {"max_age": float("nan")},
    {"connect_timeout": 0},
    {"total_timeout": 3601},
    {"offline": "yes"},
    {"truststore_url": "ftp://mirror.example"},
    {"known_roots_only": 1},
]


@pytest.mark.parametrize("fields", BAD_ARGUMENTS, ids=str)
def test_bad_argument_is_named(fields: dict[str, Any]) -> None:
    """The same rules hold for arguments, and the message names the setting."""
    ((name, value),) = fields.items()
    with pytest.raises(rds_tls.SettingsError, match=f"Settings.{name}=") as caught:
        Settings(**fields)
    assert repr(value) in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_paths_may_be_path_objects(tmp_path: Path) -> None:
    """Anything that os.fspath takes is a path."""
    assert Settings(cache_dir=tmp_path).cache_dir == tmp_path

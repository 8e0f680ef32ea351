"""Settings: from arguments, from the environment, and what a bad value says."""

import copy
import inspect
import logging
import pickle
import pydoc
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import rds_tls
from rds_tls.settings import _RULES, Settings, _Choices, _warn_of
from tests.support.leaks import CANARY, locals_of_ours

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
    {"bundle_format": "der"},
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


@pytest.mark.parametrize("fields", BAD_ARGUMENTS, ids=str)
def test_replaced_field_must_pass_its_rule(fields: dict[str, Any]) -> None:
    """What ``replace``, ``_replace`` and ``_make`` give has passed every rule too."""
    ((name, _),) = fields.items()
    with pytest.raises(rds_tls.SettingsError, match=f"Settings.{name}="):
        Settings().replace(**fields)
    with pytest.raises(rds_tls.SettingsError, match=f"Settings.{name}="):
        Settings()._replace(**fields)
    with pytest.raises(rds_tls.SettingsError, match=f"Settings.{name}="):
        Settings._make({**Settings()._asdict(), **fields}.values())


def test_copies_are_equal_settings() -> None:
    """A good value may be replaced, copied and pickled, and stays a Settings."""
    settings = Settings()._replace(max_age=60)
    assert settings == Settings().replace(max_age=60) == Settings(max_age=60)
    assert settings.replace(offline=True) == Settings(max_age=60, offline=True)
    for twin in (copy.copy(settings), copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))):  # noqa: S301 - own
        assert (type(twin), twin) == (Settings, settings)


def test_unknown_field_is_named() -> None:
    """A misspelt setting is an error that names it, wherever it is passed."""
    misspelt: dict[str, Any] = {"ofline": True}
    for call in (Settings, Settings.from_env, Settings()._replace, Settings().replace):
        with pytest.raises((TypeError, ValueError), match="ofline"):
            call(**misspelt)


def test_signature_has_every_setting() -> None:
    """What help() and editors ask for has each field with its type and its default, and so has whatever changes one."""
    found = inspect.signature(Settings).parameters
    assert {name: each.default for name, each in found.items()} == Settings()._asdict()
    hints = get_type_hints(Settings)
    assert {name: each.annotation for name, each in found.items()} == hints
    assert get_type_hints(_Choices) == hints
    assert list(_RULES) == list(found)


LOGIN = f"https://user:{CANARY}@mirror.example"


BOTH: dict[str, Any] = {"truststore_url": LOGIN, "bundle_format": "der"}
WAYS: dict[str, Callable[[], Settings]] = {
    "arguments": lambda: Settings(**BOTH),
    "replace": lambda: Settings().replace(**BOTH),
    "replace one": lambda: Settings(truststore_url=LOGIN).replace(bundle_format="der"),
    "from_env": lambda: Settings.from_env({}, **BOTH),
    "a variable": lambda: Settings.from_env({"RDS_TLS_BUNDLE_FORMAT": "der"}, truststore_url=LOGIN),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_login_beside_a_refused_setting_is_in_no_frame_of_ours(way: Callable[[], Settings]) -> None:
    """A mirror's login is no local of what refuses another setting, whichever way both came."""
    with pytest.raises(rds_tls.SettingsError) as caught:
        way()
    assert [name for name, text in locals_of_ours(caught.value).items() if CANARY in text] == []


@pytest.mark.parametrize("call", [Settings, Settings().replace, Settings.from_env], ids=["new", "replace", "from_env"])
def test_login_under_a_misspelt_name_is_in_no_frame_of_ours(call: Callable[..., Settings]) -> None:
    """Nor is one that came under the name of no setting, which every way to pass it refuses as Python does."""
    with pytest.raises(TypeError, match="truststore_ulr") as caught:
        call(truststore_ulr=LOGIN)
    assert [name for name, text in locals_of_ours(caught.value).items() if CANARY in text] == []


def test_login_in_a_variable_beside_a_refused_one_is_in_no_frame_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where both are the process's variables."""
    monkeypatch.setenv("RDS_TLS_TRUSTSTORE_URL", LOGIN)
    monkeypatch.setenv("RDS_TLS_BUNDLE_FORMAT", "der")
    with pytest.raises(rds_tls.SettingsError) as caught:
        Settings.from_env()
    assert [name for name, text in locals_of_ours(caught.value).items() if CANARY in text] == []


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("RDS_TLS_OFLINE", "maybe RDS_TLS_OFFLINE is meant"),
        ("RDS_TLS_CA_FILE", "maybe RDS_TLS_CA_BUNDLE is meant"),
        ("RDS_TLS_XYZZY", "see help(rds_tls.Settings) for those that do"),
    ],
)
def test_unknown_variable_is_named_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str, hint: str
) -> None:
    """A misspelt variable of the process gives one warning, with the nearest known name and without its value."""
    _warn_of.cache_clear()
    monkeypatch.setenv(variable, CANARY)
    monkeypatch.setenv("RDS_TLS", "another program's")
    for _ in range(3):
        Settings.from_env()
        Settings.from_env({"RDS_TLS_OFLINE": "1"})
    said = f"the environment variable {variable} is read by no setting and changes nothing: {hint}"
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.WARNING, said)]
    _warn_of.cache_clear()


def test_help_shows_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither help() nor a signature holds the process's variables."""
    monkeypatch.setenv("DATABASE_PASSWORD", CANARY)
    text = pydoc.plain(pydoc.render_doc(rds_tls.Settings))
    assert "from_env" in text
    assert CANARY not in text
    assert "environ({" not in text


BAD_URLS = [
    f"http://user:{CANARY}@mirror.example",
    f"https//user:{CANARY}@mirror.example",
    f"user:{CANARY}",
    f"https://user:{CANARY}/x@mirror.example",
    f"https://user:{CANARY}?x@mirror.example",
    f"https://user:{CANARY}#x@mirror.example",
    f"https://user:{CANARY}\\x@mirror.example",
    f"https://user:{CANARY}@",
    f"https://user:{CANARY}@/roots",
    f"https://mirror.example/{CANARY}@x",
    f"https://mirror.example/?token={CANARY}",
    f"https://user:{CANARY}\udcff@mirror.example",
    f"https://user:{CANARY}\n@mirror.example",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_url_keeps_its_login(url: str) -> None:
    """A URL whose login cannot be told from the rest is refused, with the fix and without the URL."""
    rule = "=<not shown> must be the base URL of a mirror"
    with pytest.raises(rds_tls.SettingsError, match=rule) as by_argument:
        Settings(truststore_url=url)
    with pytest.raises(rds_tls.SettingsError, match=rule) as by_variable:
        Settings.from_env({"RDS_TLS_TRUSTSTORE_URL": url})
    assert CANARY not in repr((by_argument.value, by_variable.value))


@pytest.mark.parametrize("variable", VARIABLES)
def test_login_in_the_wrong_variable_is_not_shown(variable: str) -> None:
    """A value that fails its rule is shown only where it cannot be a login."""
    try:
        settings: object = Settings.from_env({variable: f"postgresql://app:{CANARY}@db.example/orders"})
    except rds_tls.SettingsError as error:
        settings = error
    if not variable.endswith(("_FILE", "_DIR", "_BUNDLE")):
        assert f"{variable}=<not shown> must be " in str(settings)
        assert CANARY not in repr(settings)


class Url:
    """A URL class of some library: not a str, and with a login in its repr."""

    def __repr__(self) -> str:
        return f"Url('https://user:{CANARY}@mirror.example')"


def test_object_of_another_type_is_named_by_its_type() -> None:
    """Of a value that is no setting at all an error shows the type."""
    url: Any = Url()
    with pytest.raises(rds_tls.SettingsError, match=r"Settings\.truststore_url=<Url> must be"):
        Settings(truststore_url=url)


def test_repr_has_all_but_the_login() -> None:
    """A repr names every field, and of the mirror's URL all but user and password."""
    settings = Settings(truststore_url=f"https://user:{CANARY}@mirror.example:8443/rds", max_age=60)
    assert settings.truststore_url == f"https://user:{CANARY}@mirror.example:8443/rds"
    assert "truststore_url='https://mirror.example:8443/rds'" in repr(settings)
    assert CANARY not in f"{settings!r} {settings}"
    for name in Settings._fields:
        assert f"{name}=" in repr(settings)
    assert eval(repr(Settings(max_age=60))) == Settings(max_age=60)  # noqa: S307 - the repr of a tuple of fields

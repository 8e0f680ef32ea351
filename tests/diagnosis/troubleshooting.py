"""What docs/troubleshooting.md has from the drivers and from the table of causes: texts, meanings, evidence."""

import errno
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

from rds_tls.diagnosis.causes import CAUSES
from tests.diagnosis.failures import CASES, Failure
from tests.hostile.stage import INJECTED
from tests.support import in_c

# What another version says -> what stands on the page, and which version that is; without one it is not told.
VARIANTS = (
    # ssl_err.c, x509_txt.c; of the second CPython has no name in every version.
    ("ssl/tls alert handshake failure", "sslv3 alert handshake failure", "OpenSSL 3.2 and later"),
    ("[SSL: RECORD_LAYER_FAILURE] record layer failure", "[SSL: WRONG_VERSION_NUMBER] wrong version number", ""),
    ("[SSL] record layer failure", "[SSL: WRONG_VERSION_NUMBER] wrong version number", ""),
    ("record layer failure", "wrong version number", "newer versions of OpenSSL"),
    ("self signed certificate", "self-signed certificate", "OpenSSL 1.1"),
    ("is not yet valid or the system clock is incorrect", "is not yet valid", "OpenSSL 3.6"),
    # fe-secure-openssl.c: of a file that is not there, and of an end.
    (
        "Either provide the file or change sslmode",
        "Either provide the file, use the system's trusted roots with sslrootcert=system, or change sslmode",
        "libpq 15 and earlier",
    ),
    ("SSL SYSCALL error: Success", "SSL SYSCALL error: EOF detected", "the libpq in psycopg2-binary 2.9.5"),
    # fe-connect.c: it repeats what an unknown server says before TLS (CVE-2024-10977).
    (f"FATAL: {INJECTED.decode()}", "server sent an error response during SSL exchange", ""),
    # What psycopg puts before libpq's words (its generators.py), and psycopg2 does not.
    ("connection failed: connection to server", "connection to server", "psycopg"),
    ("connection failed: could not", "could not", ""),
    ("connection is bad: connection to server", "connection to server", "psycopg"),
)


class Elsewhere(NamedTuple):
    """A text that this run does not bring about.

    Attributes:
        text: in the form of ``normal``.
        cause: what it means.
        drivers: who says it.
        seen: with which version, or where it is from and why nothing here brings it about.
    """

    text: str
    cause: str
    drivers: tuple[str, ...]
    seen: str


# Texts that other versions give, or that nothing on loopback brings about.
ELSEWHERE = (
    Elsewhere(
        'could not translate host name "HOST" to address: Temporary failure in name resolution',
        "resolver-down",
        ("psycopg2",),
        "libpq's fe-connect.c, with glibc's words for EAI_AGAIN; not brought about: it resolves in C",
    ),
    Elsewhere(
        "(2002, \"Can't connect to server on 'HOST' (110)\")",
        "no-answer",
        ("mysqlclient",),
        "MariaDB Connector/C 3.3, where its own connect_timeout ends before that of rds_tls",
    ),
    *(
        Elsewhere(text, cause, ("psycopg",), seen)
        for cause, words in (
            ("name-not-found", "[Errno -2] Name or service not known"),
            ("resolver-down", "[Errno -3] Temporary failure in name resolution"),
        )
        for text, seen in ((words, "psycopg 3.2.2"), (f"failed to resolve host 'HOST': {words}", "psycopg 3.3.9"))
    ),
    Elsewhere(
        'connection to server at "ADDRESS", port PORT failed: SSL error: unexpected eof while reading',
        "hung-up",
        ("psycopg",),
        "libpq 18, with psycopg 3.3.9",
    ),
    Elsewhere(
        'connection to server at "ADDRESS", port PORT failed: SSL SYSCALL error: EOF detected',
        "hung-up",
        ("psycopg",),
        "libpq 16, with psycopg 3.2.2",
    ),
    Elsewhere(
        'PostgreSQL server at "ADDRESS:PORT": server sent an error response during SSL exchange; check the server logs '
        "for details",
        "hung-up",
        ("asyncpg",),
        "asyncpg 0.32",
    ),
    Elsewhere(
        'connection to server at "ADDRESS", port PORT failed: SSL SYSCALL error: EOF detected',
        "weak-key",
        ("psycopg2",),
        "psycopg2 2.9.5",
    ),
    Elsewhere(
        'PostgreSQL server at "ADDRESS:PORT" rejected SSL upgrade',
        "hung-up",
        ("asyncpg",),
        "asyncpg 0.30, where the server sends an error",
    ),
    Elsewhere(
        'no pg_hba.conf entry for host "ADDRESS", user "USER", database "DATABASE", SSL encryption',
        "login-refused",
        ("asyncpg",),
        "PostgreSQL's auth.c; not brought about: the servers here let loopback in",
    ),
    Elsewhere(
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get certificate CRL (_ssl.c:LINE)",
        "revocation",
        ("asyncpg", "pg8000"),
        "OpenSSL's x509_txt.c; not brought about: rds_tls asks for no lists",
    ),
)

# Numbers of this system's -> Linux's, which are those on the page.
_NUMBERS = {
    errno.ECONNREFUSED: 111,
    errno.ENETUNREACH: 101,
    errno.EHOSTUNREACH: 113,
    errno.ETIMEDOUT: 110,
    int(socket.EAI_NONAME): -2,
    int(socket.EAI_AGAIN): -3,
}

# What differs from run to run -> the placeholder. In this order: a name before what stands behind it.
_PLACEHOLDERS = (
    (re.compile("|".join(sorted(map(re.escape, in_c.ADDRESSES), key=len, reverse=True))), "NAME"),
    (re.compile(r"127\.0\.0\.1|255\.255\.255\.255|(?<=@')localhost(?=')"), "ADDRESS"),
    (re.compile(r"\bport \d+"), "port PORT"),
    (re.compile(r"\b(ADDRESS|HOST)(:|', )\d+"), r"\1\2PORT"),
    (re.compile(r"_ssl\.c:\d+"), "_ssl.c:LINE"),
    # The first byte of MySQL's greeting is its length, and in that the server's version; a web server's is an H.
    (re.compile(r"(?<=SSL negotiation: )(?!H)."), "d"),
    (re.compile(r"system error: \d+"), "system error: NUMBER"),
    (re.compile(r"'L': '\d+'"), "'L': 'LINE'"),
    (re.compile(r'"[^"]*root\.pem"'), '"FILE"'),
    (re.compile(r'user "app"'), 'user "USER"'),
    (re.compile(r"user 'app'"), "user 'USER'"),
    (re.compile(r"'\.corp\.example'"), "'.DOMAIN'"),
    (re.compile(r"'orders'"), "'NAME'"),
    (re.compile(r"eu-north-9"), "REGION"),
)


def normal(failure: Failure) -> str:
    """Give a text as it stands on the page: one line, with placeholders for what differs from run to run."""
    text = " ".join(failure.text.split())
    for other, ours, _ in VARIANTS:
        text = text.replace(other, ours)
    if failure.host:
        text = text.replace(failure.host, "HOST")
    for pattern, placeholder in _PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return re.sub(r"\[Errno (-?\d+)\]", lambda found: f"[Errno {_NUMBERS.get(int(found[1]), found[1])}]", text)


# What a text alone leads to, and nearly any certificate may be behind: named first.
_WIDEST = ("unverified", "unknown-root")


class Text(NamedTuple):
    """A text on the page: who says it, and what it may mean."""

    text: str
    drivers: tuple[str, ...]
    causes: tuple[str, ...]


def texts(failures: Iterable[Failure]) -> list[Text]:
    """Gather what was said, and what was said elsewhere: each text once, with every cause that it had.

    What a driver's text alone leads to is one of them: that is what people have who do not use rds_tls.
    """
    drivers: dict[str, dict[str, None]] = {}
    causes: dict[str, dict[str, None]] = {}
    said = [(normal(each), each.driver, (each.cause, each.bare)) for each in failures]
    said += [(each.text, driver, (each.cause, None)) for each in ELSEWHERE for driver in each.drivers]
    for text, driver, ids in said:
        drivers.setdefault(text, {})[driver] = None
        causes.setdefault(text, {}).update(dict.fromkeys(filter(None, ids)))
    order = list(dict.fromkeys((*_WIDEST, *(case.cause for case in CASES), *CAUSES)))
    return [
        Text(text, tuple(sorted(names)), tuple(sorted(causes[text], key=order.index)))
        for text, names in drivers.items()
    ]


class Group(NamedTuple):
    """Texts that may mean the same."""

    anchor: str
    causes: tuple[str, ...]
    texts: tuple[Text, ...]


def groups(found: Iterable[Text]) -> list[Group]:
    """Put texts together that have the same causes, in the order in which they come."""
    by_causes: dict[tuple[str, ...], list[Text]] = {}
    for text in found:
        by_causes.setdefault(text.causes, []).append(text)
    taken: dict[str, int] = {}
    made = []
    for causes, members in by_causes.items():
        first = causes[0]
        taken[first] = taken.get(first, 0) + 1
        anchor = f"seen-{first}" + (f"-{taken[first]}" if taken[first] > 1 else "")
        made.append(Group(anchor, causes, tuple(members)))
    return made


def index(found: Iterable[Group]) -> str:
    """Write the texts, each a heading, and what they may mean."""
    lines = []
    for group in found:
        lines.append(f'<a id="{group.anchor}"></a>\n')
        for text in group.texts:
            lines.append(f"### `{text.text}`\n")
            lines.append(f"{', '.join(text.drivers)}\n")
        links = ", ".join(f"[{cause}](#{cause})" for cause in group.causes)
        which = "" if len(group.causes) == 1 else ": `rds-tls doctor HOST` tells which"
        lines.append(f"**{'It is' if len(group.causes) == 1 else 'One of'}** {links}{which}.\n")
    lines.append("Other versions have other words for the same:\n")
    lines += [f"- `{other}`, for `{ours}`: {version}" for other, ours, version in VARIANTS if version]
    return "\n".join(lines) + "\n"


_NAMES = {
    "host": "HOST",
    "anchors": "ANCHORS",
    "rule": "RULE",
    "region": "REGION",
    "server_region": "ANOTHER-REGION",
    "server_channel": "Preview",
    "issuer": "ISSUER",
    "root": "ROOT",
}


def words(cause: str, found: Iterable[Group]) -> str:
    """Write what the table of causes says of one, and where its texts stand."""
    row = CAUSES[cause]
    of_it = [group for group in found if cause in group.causes]
    seen = ", ".join(f"[{_shortest(group)}](#{group.anchor})" for group in of_it)
    return (
        f"**{_escaped(_sentence(row.meaning.format(**_NAMES)))}**\n\n"
        f"- Seen as: {seen or 'no text of its own: only `rds-tls doctor` says it'}\n"
        f"- Known by: {_escaped(row.evidence)}\n"
        f"- Fix: {_escaped(row.fix.format(**_NAMES))}\n"
    )


def _shortest(group: Group) -> str:
    more = len(group.texts) - 1
    return f"`{min((text.text for text in group.texts), key=len)}`" + (f" and {more} more" if more else "")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _escaped(text: str) -> str:
    return re.sub(r"([*<>|])", r"\\\1", text)

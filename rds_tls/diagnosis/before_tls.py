"""The causes that come before any certificate is seen: names, the network, the server's first words."""

from __future__ import annotations

from rds_tls.diagnosis.cause import Cause

NAMES = (
    Cause(
        "not-an-endpoint",
        "{host} is no endpoint of RDS: {rule}",
        "pass the endpoint's name as the RDS console shows it; an alias of your own takes expect=",
        "EndpointError",
    ),
    Cause(
        "alias",
        "{host} ends in no suffix of AWS's: it is a name of your own, or a look-alike",
        "pass the endpoint that it stands for; to follow the alias, pass expect= with the endpoint or a "
        "pattern such as expect='*.cluster-abc123def456.eu-west-1.rds.amazonaws.com', which DNS has to lead to",
        "EndpointError about the suffix",
    ),
    Cause(
        "local-address",
        "{host} is an address or this machine, for which no RDS server has a certificate",
        "pass the endpoint's name as host, and what to dial as via=('127.0.0.1', 15432): the name is verified there",
        "EndpointError about an address or localhost",
    ),
    Cause(
        "no-roots",
        "there are no trust anchors for {host}: {rule}",
        "call rds_tls.prefetch() where there is a network and set RDS_TLS_BUNDLE_DIR, or name a PEM file of "
        "the roots in RDS_TLS_CA_BUNDLE",
        "TrustError, DownloadError",
    ),
)

NETWORK = (
    Cause(
        "name-not-found",
        "the name to dial for {host} does not resolve",
        "compare it with the RDS console: a deleted cluster's name goes with it, and a name in a private hosted zone "
        "resolves only in its own VPC, or where its DNS is forwarded to",
        "the resolver's EAI_NONAME or EAI_NODATA",
    ),
    Cause(
        "resolver-down",
        "the name to dial for {host} could not be looked up: no DNS server answers this machine",
        "check this machine's resolver: the VPC's DNS support, /etc/resolv.conf, a VPN; then try again",
        "the resolver's EAI_AGAIN",
    ),
    Cause(
        "no-route",
        "this machine has no route to the address of {host}",
        "check subnet, route table and VPN: a private endpoint is reached from its VPC, its peers, or by a tunnel",
        "ENETUNREACH, EHOSTUNREACH",
    ),
    Cause(
        "refused",
        "nobody listens at the address and port that were dialled for {host}; TLS has nothing to do with it",
        "check the port (5432 for PostgreSQL, 3306 for MySQL unless the cluster says otherwise), whether the "
        "cluster is stopped or failing over, and whether the tunnel is up",
        "ECONNREFUSED",
    ),
    Cause(
        "no-answer",
        "there was no answer from {host} in time, as where a security group or a route drops packets",
        "let this machine's security group into the cluster's, and look at network ACLs and routes; from "
        "outside the VPC use a tunnel and via=; a paused Aurora Serverless cluster may need a longer connect_timeout=",
        "ETIMEDOUT, or the driver's own time ended",
    ),
    Cause(
        "login-refused",
        "the server that answers for {host} refused the login; TLS has nothing to do with it",
        "check user, password and database; with iam=True that the user has rds_iam (PostgreSQL) or "
        "AWSAuthenticationPlugin (MySQL), and that the role may rds-db:connect",
        "PostgreSQL's 28P01 and 28000, MySQL's 1045",
    ),
)

FIRST_WORDS = (
    Cause(
        "other-engine",
        "another engine answers for {host} than was asked for: PostgreSQL where MySQL was, or MySQL where "
        "PostgreSQL was",
        "call connect_mysql for Aurora MySQL and connect_postgres for Aurora PostgreSQL, and check the port: 3306 is "
        "MySQL's, 5432 PostgreSQL's",
        "the first bytes of the server: a greeting of MySQL's to a client of PostgreSQL's, or the reverse",
    ),
    Cause(
        "hung-up",
        "the server that answers for {host} ended the connection, or sent an error, before TLS stood",
        "read the server's log: too many connections, a host that MySQL has blocked, a server that is starting; or a "
        "load balancer or tunnel with nothing behind it",
        "the end of the connection, or an error packet, in place of an answer to the request for TLS",
    ),
    Cause(
        "not-a-database",
        "what answers for {host} is neither PostgreSQL nor MySQL",
        "check the port, and where the host name or the tunnel leads",
        "the first bytes of the server",
    ),
    Cause(
        "no-tls",
        "the server that answers for {host} offers no TLS, so nothing was sent to it",
        "every RDS server offers TLS: check where the host name or the tunnel leads (a pooler or proxy that ends TLS "
        "must be given a certificate); a server of your own needs ssl=on (PostgreSQL) or ssl_cert and ssl_key (MySQL)",
        "PostgreSQL's N, or a greeting of MySQL's without CLIENT_SSL",
    ),
    Cause(
        "injected-bytes",
        "what came from {host} before or in place of TLS is none: somebody speaks out of turn, as a man in the middle "
        "does",
        "find out who is on the way: a tunnel, a proxy, the network; no RDS server does this, and nothing was sent",
        "bytes behind PostgreSQL's S or MySQL's greeting, or no TLS record where one belongs",
    ),
    Cause(
        "old-tls",
        "the server that answers for {host} speaks no TLS 1.2 or later",
        "every supported Aurora version speaks TLS 1.2: upgrade the engine, and remove a tls_version or "
        "ssl_max_protocol_version below 1.2 from its parameter group",
        "OpenSSL's 'unsupported protocol', the alert protocol_version",
    ),
    Cause(
        "no-common-cipher",
        "the server that answers for {host} and this machine's OpenSSL have no cipher in common",
        "look at ssl_ciphers (PostgreSQL) or ssl_cipher (MySQL) in the server's parameter group, and at this machine's "
        "openssl.cnf",
        "the alert handshake_failure",
    ),
)

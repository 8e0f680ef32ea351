"""The causes that a server's certificates are: whose they are, for which names, from when to when."""

from __future__ import annotations

from rds_tls.diagnosis.cause import Cause

_LEADS = "check where the host name or the tunnel leads"

ISSUERS = (
    Cause(
        "unknown-root",
        "the chain that the server at {host} sent does not end in any of the trust anchors: {anchors}",
        "check that the host is the one you mean and that a tunnel leads to its region; a server that does not send "
        "its intermediate certificate, or one behind a TLS proxy with a CA of its own, looks the same",
        "OpenSSL's verdicts 2, 18, 19, 20 and 21, and nothing that says more",
    ),
    Cause(
        "other-region",
        "the server that answers for {host} is in {server_region}, and the name says {region}",
        "pass the name of the cluster in {server_region}, or check where DNS or the tunnel leads",
        "the leaf's issuer is RDS's CA of another region",
    ),
    Cause(
        "other-partition",
        "the server that answers for {host} is in {server_region}, another partition of AWS's than the name's {region}",
        "pass the name of the cluster in {server_region}, or check where DNS or the tunnel leads",
        "the leaf's issuer is RDS's CA of a region of another partition",
    ),
    Cause(
        "writer-moved",
        "the server that answers for {host} is in {server_region}, and region={region!r} was given: the Global "
        "Database has failed over or was switched",
        "pass region={server_region!r}, where the writer is now",
        "the leaf's issuer is RDS's CA of another region, and the name is a Global Database writer's",
    ),
    Cause(
        "preview",
        "the server that answers for {host} belongs to RDS's {server_channel} environment, and the name does "
        "not say so, or the reverse: its CA is {issuer}",
        "pass the endpoint as the console of its environment shows it: Preview names have rds-preview in them",
        "the channel in the name of the leaf's issuer",
    ),
    Cause(
        "database-for-proxy",
        "{host} is a name that Amazon Trust Services signs for, as RDS Proxy's, but a database server answers: "
        "its CA is {issuer}",
        f"{_LEADS}; to reach the database itself, pass the cluster's own name",
        "the leaf's issuer is RDS's CA, and the name is RDS Proxy's or Aurora DSQL's",
    ),
    Cause(
        "proxy-for-database",
        "{host} is a database's name, but what answers has a certificate of Amazon Trust Services, as RDS Proxy has",
        f"{_LEADS}; to go by the proxy, pass the proxy's own name: its certificate is for that",
        "the leaf's issuer is Amazon's, and the name is not RDS Proxy's",
    ),
    Cause(
        "intercepted",
        "the chain that the server at {host} sent does not end in any of the trust anchors: it is signed by {issuer}, "
        "no CA of AWS's: something between you and AWS ends TLS, or another server answers",
        "exempt *.rds.amazonaws.com from TLS inspection, or check where the host name or the tunnel leads; to "
        "trust that CA would let its owner read passwords",
        "the leaf's issuer is no CA of AWS's",
    ),
    Cause(
        "impostor",
        "the chain that the server at {host} sent does not end in any of the trust anchors, although its CA "
        "has the name of one: {root}",
        "find out who is on the way: the names are RDS's, the keys are not; a test server of your own needs "
        "its root in RDS_TLS_CA_BUNDLE or Settings(ca_file=...)",
        "the chain ends below a name that is among the anchors, whose key has not signed it",
    ),
    Cause(
        "missing-intermediate",
        "the chain that the server at {host} sent does not end in any of the trust anchors: it lacks the "
        "certificate of {issuer}",
        "RDS sends it: a pooler or proxy in between has to be given the whole chain, leaf first",
        "the leaf's issuer is RDS's CA of the region, neither a root nor among what was sent",
    ),
    Cause(
        "newer-root",
        "the chain that the server at {host} sent does not end in any of the trust anchors: {root} is none of "
        "them. They are the {anchors}, and no newer bundle with it was found",
        "let this machine reach the trust store, or call rds_tls.prefetch() where there is a network and set "
        "RDS_TLS_BUNDLE_DIR; the log under 'rds_tls' says why the look for a newer bundle failed",
        "the chain ends below a root of the region that is not among the anchors",
    ),
    Cause(
        "old-roots",
        "the chain that the server at {host} sent does not end in any of the trust anchors: {root} is none of "
        "them. They are the {anchors}, and your own choice forbids to look for newer ones",
        "replace the CA file by the region's current bundle, or leave RDS_TLS_CA_BUNDLE and RDS_TLS_OFFLINE unset",
        "as newer-root, with a CA file of the caller's own or offline settings",
    ),
    Cause(
        "self-signed",
        "the server that answers for {host} has a self-signed certificate, which no RDS server has",
        f"{_LEADS}: a local or self-hosted database answers there; for one of your own, name its root CA with "
        "RDS_TLS_CA_BUNDLE or Settings(ca_file=...)",
        "OpenSSL's verdict 18",
    ),
)

OTHERS = (
    Cause(
        "other-name",
        "the server's certificate is not for {host}: another database answers, or the name is not among its SANs",
        f"{_LEADS}; a new custom endpoint gets its SAN when the instance "
        "restarts; an endpoint of an RDS Proxy is verified by the proxy's default endpoint: pass that as host and "
        "dial this one with via=",
        "OpenSSL's verdict 62, libpq's and Connector/C's own words",
    ),
    Cause(
        "custom-endpoint",
        "the server's certificate is not for {host}, but for its cluster: the custom endpoint is newer than the "
        "certificate",
        "restart the instance at the next chance, which renews its names; until then connect to the cluster's reader "
        "endpoint",
        "as other-name, and a name in the certificate is of the same account, region and cluster's kind",
    ),
    Cause(
        "proxy-endpoint",
        "the server's certificate is not for {host}: an RDS Proxy's is for its default endpoint",
        "pass the proxy's default endpoint as host, and dial this one with via=",
        "as other-name, and the name is a further endpoint of an RDS Proxy",
    ),
    Cause(
        "expired",
        "a certificate in the chain of {host} has expired, or this machine's clock is ahead",
        "compare this machine's clock with UTC; otherwise rotate the server's certificate: aws rds modify-db-instance "
        "--db-instance-identifier INSTANCE --ca-certificate-identifier rds-ca-rsa2048-g1 --apply-immediately, which "
        "may restart it",
        "OpenSSL's verdict 10",
    ),
    Cause(
        "not-yet-valid",
        "a certificate in the chain of {host} is not valid yet, or this machine's clock is behind",
        "compare this machine's clock with UTC: timedatectl set-ntp true, or restart a virtual machine or a container "
        "that was suspended",
        "OpenSSL's verdict 9",
    ),
    Cause(
        "malformed",
        "a certificate in the chain of {host} breaks a rule of RFC 5280, which RDS certificates keep",
        f"{_LEADS}; for a server of your own, issue a certificate with SAN, "
        "subject and authority key identifiers, by a CA with critical basicConstraints and keyUsage",
        "OpenSSL's verdicts of VERIFY_X509_STRICT",
    ),
    Cause(
        "weak-key",
        "a key or a signature in the chain of {host} is weaker than this machine's OpenSSL accepts",
        "lower the security level in this machine's openssl.cnf, or choose a stronger CA for the instance, such as "
        "rds-ca-rsa4096-g1 or rds-ca-ecc384-g1",
        "OpenSSL's verdicts 66 to 68",
    ),
    Cause(
        "revocation",
        "a list of revocations that this machine's TLS was given decides against the certificate of {host}, or is none",
        "rds_tls gives none: look at what openssl.cnf or the program sets",
        "OpenSSL's verdicts about CRLs",
    ),
    Cause(
        "unverified",
        "the certificate of {host} did not verify against the trust anchors: {anchors}",
        f"read the reason in the driver's message; {_LEADS}",
        "'certificate verify failed', and nothing that says more",
    ),
    Cause(
        "unreadable-ca-file",
        "the driver cannot load the trust anchors: {anchors}",
        "name a readable PEM file of root CA certificates, each of them whole",
        "libpq's own words",
    ),
)

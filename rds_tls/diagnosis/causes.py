"""The table of causes: why a verified connection fails, by stable ids. Notes, log, explain and diagnose read it."""

from __future__ import annotations

from rds_tls.diagnosis.before_tls import FIRST_WORDS, NAMES, NETWORK
from rds_tls.diagnosis.of_certificates import ISSUERS, OTHERS

CAUSES = {cause.id: cause for cause in (*NAMES, *NETWORK, *FIRST_WORDS, *ISSUERS, *OTHERS)}

# What TLS has no part in, and the driver's own words say.
LOGIN_REFUSED = "login-refused"

# What healing may help with: newer roots for a chain that ends in none of those at hand.
UNKNOWN_ROOT = "unknown-root"

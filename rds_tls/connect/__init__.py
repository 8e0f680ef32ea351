"""From a host name to a verified connection, in one call: ``postgres`` and ``mysql`` hold the public functions."""

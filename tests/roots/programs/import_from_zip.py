"""Import the package from a zip, and print where a region's roots are, or why there are none.

``python -I import_from_zip.py ARCHIVE REGION``.
"""

import sys

if __name__ == "__main__":
    archive, region = sys.argv[1:]
    sys.path.insert(0, archive)
    import rds_tls

    assert rds_tls.__file__.startswith(archive)
    try:
        sys.stdout.write(rds_tls.ca_path(region=region))
    except rds_tls.TrustError as error:
        cause = error.__cause__
        assert cause is not None
        sys.stdout.write(f"{error} <- {type(cause.__context__).__name__}")

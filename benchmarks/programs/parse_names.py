"""Parse so many names, no two alike, and print the peak memory: ``python parse_names.py COUNT``."""

import sys

import rds_tls
from benchmarks.programs.peak import print_peak

if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        rds_tls.parse_endpoint(f"db{number}.cluster-abc123def456.eu-west-1.rds.amazonaws.com")
    print_peak()

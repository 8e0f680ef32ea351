"""Find the roots of a caller's own CA file three times, and print how often it was opened.

``python ca_file.py PATH``; a process of its own, since an audit hook stays for good.
"""

import sys

import rds_tls

if __name__ == "__main__":
    opened: list[object] = []
    sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
    settings = rds_tls.Settings(ca_file=sys.argv[1])
    for _ in range(3):
        rds_tls.ca_path(region="eu-west-1", settings=settings)
    sys.stdout.write(f"{opened.count(sys.argv[1])}\n")

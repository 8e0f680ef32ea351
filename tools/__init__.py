"""Programs for the people who maintain rds_tls; none of them ships in the wheel."""

"""How much memory this process has taken at most: the end of a program that is weighed."""


def print_peak() -> None:
    """Print this process's peak memory, in KiB; on Linux alone.

    Not by getrusage(): a child's peak starts at its parent's.
    """
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123 - pathlib would be weighed
        print(*(line.split()[1] for line in file if line.startswith("VmHWM:")))

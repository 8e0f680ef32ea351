"""What an extra of rds-tls installs, imported when a call needs it."""

from importlib import import_module
from types import ModuleType

from rds_tls.errors import DriverNotInstalledError


def require(module: str, extra: str) -> ModuleType:
    """Import a module that an extra installs.

    Args:
        module: its import name.
        extra: the extra of rds-tls that installs it.

    Returns:
        The module.

    Raises:
        DriverNotInstalledError: it cannot be imported; the message says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise DriverNotInstalledError(
            f"{module} cannot be imported ({error}): pip install 'rds-tls[{extra}]'"
        ) from error

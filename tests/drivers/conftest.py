"""What the tests of drivers share."""

import pytest

from tests.conftest import Pki
from tests.support.local_rds import KeyType


@pytest.fixture
def pki(pkis: dict[KeyType, Pki]) -> Pki:
    """The PKI with the fastest keys: key types make no difference here."""
    return pkis[KeyType.ECC384]

"""What ``manage.py test`` runs of the app, in a test database."""

from typing import Any

from django.test import TestCase

from tests.frameworks.django.project.models import Order


class OrderTest(TestCase):  # type: ignore[misc]  # Django has no types
    """The project's own test."""

    client: Any

    def test_order(self) -> None:
        """An order is taken over TLS."""
        assert self.client.get("/order").json() == {"orders": 1, "tls": True}
        assert Order.objects.count() == 1

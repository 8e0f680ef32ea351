"""What the app keeps."""

from django.db import models


class Order(models.Model):  # type: ignore[misc]  # Django has no types
    """An order, of which nothing is known but that it is there."""

    def __str__(self) -> str:
        return f"order {self.pk}"

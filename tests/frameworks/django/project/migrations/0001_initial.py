"""The app's first table."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):  # type: ignore[misc]  # Django has no types
    """What makemigrations writes for the models, but for the words for people."""

    initial = True
    operations: ClassVar = [migrations.CreateModel("Order", [("id", models.BigAutoField(primary_key=True))])]

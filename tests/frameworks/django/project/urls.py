"""The app's views: each says whether TLS carries the connection, and which connection that is."""

from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

from tests.frameworks.django.project.models import Order

_TLS = {
    "postgresql": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SHOW STATUS LIKE 'Ssl_cipher'",
}
_IDENTITY = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}


def show(_request: HttpRequest) -> Any:  # noqa: ANN401 - Django has no types
    """Say what carries the connection."""
    with connection.cursor() as cursor:
        cursor.execute(_TLS[connection.vendor])
        tls = bool(cursor.fetchone()[-1])
        cursor.execute(_IDENTITY[connection.vendor])
        return JsonResponse({"tls": tls, "connection": cursor.fetchone()[0]})


def order(request: HttpRequest) -> Any:  # noqa: ANN401 - as above
    """Take an order, and say how many there are."""
    Order.objects.create()
    return JsonResponse({"orders": Order.objects.count(), "tls": b"true" in show(request).content})


async def order_async(_request: HttpRequest) -> Any:  # noqa: ANN401 - as above
    """Take an order in an event loop."""
    await Order.objects.acreate()
    return JsonResponse({"orders": await Order.objects.acount()})


urlpatterns = [path("", show), path("order", order), path("order-async", order_async)]

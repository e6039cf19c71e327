"""Django under ASGI."""

from __future__ import annotations

from service.applications import common, django_app

django_app.configure()
django_app.add_async()

from django.core.asgi import get_asgi_application  # noqa: E402  # only now is there a project

app = common.WatchedASGI(get_asgi_application())

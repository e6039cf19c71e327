"""Django under WSGI."""

from __future__ import annotations

from service.applications import common, django_app

django_app.configure()
django_app.add_sync()

from django.core.wsgi import get_wsgi_application  # noqa: E402  # only now is there a project

app = common.WatchedWSGI(get_wsgi_application())

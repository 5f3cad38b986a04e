"""Settings and models of the peer on Django REST framework. The tables are there already."""

from __future__ import annotations

import os

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

ADDRESS = conninfo_to_dict(os.environ["PEER_DATABASE"])
DATABASE = {"NAME": ADDRESS["dbname"], "USER": ADDRESS["user"], "HOST": ADDRESS["host"], "CONN_MAX_AGE": None}
settings.configure(
    SECRET_KEY="of-the-benchmark-and-nobody-else",
    ALLOWED_HOSTS=["localhost"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **DATABASE}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_filters", "rest_framework"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF="tests.benchmark.peers.drf",
    USE_TZ=True,
    TIME_ZONE="UTC",
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator  # noqa: E402 - set up first
from django.db import models  # noqa: E402

from tests.benchmark.peers import common  # noqa: E402


def table(name: str, /, **columns: models.Field) -> type[models.Model]:
    """A model of a table that is there already."""
    meta = type("Meta", (), {"app_label": "peers", "db_table": name, "managed": False})
    return type(name.title().replace("_", ""), (models.Model,), {"__module__": __name__, "Meta": meta, **columns})


OPTIONAL = {"null": True, "blank": True}
BIN = RegexValidator(r"^[0-9]{12}\Z")
AMOUNT = [MinValueValidator(0), MaxValueValidator(common.MAX_AMOUNT)]
Token = table("peer_tokens", hash=models.CharField(max_length=64, primary_key=True), name=models.TextField())
Series = table("number_series", year=models.IntegerField(primary_key=True), last=models.IntegerField())
Agency = table("agencies", bin=models.CharField(max_length=12), closed_on=models.DateField(null=True))
Project = table(
    "projects",
    number=models.CharField(max_length=17, unique=True),
    agency=models.ForeignKey(Agency, models.PROTECT),
    **{
        name: models.CharField(
            max_length=20,
            choices=[(code, code) for code in codes],
            **({} if name in common.REQUIRED else OPTIONAL),
        )
        for name, codes in common.CHOICES.items()
    },
    **{name: models.CharField(max_length=length, **OPTIONAL) for name, length in common.TEXTS.items()},
    **{name: models.DateField(**OPTIONAL) for name in (*common.DAYS, *common.CONFIRMED)},
    **{name: models.BigIntegerField(validators=AMOUNT, **OPTIONAL) for name in common.AMOUNTS},
    **{name: models.BooleanField(**OPTIONAL) for name in common.FLAGS_OF_PROJECT},
    **{name: models.JSONField(**OPTIONAL) for name in (*common.JSON_LISTS, "confirmed_facts")},
    supplier_bin=models.CharField(max_length=12, validators=[BIN], **OPTIONAL),
    object_class=models.IntegerField(choices=[(code, code) for code in (1, 2, 3)], **OPTIONAL),
    is_restricted=models.BooleanField(default=False),
    withdrawn_at=models.DateTimeField(null=True),
    version=models.IntegerField(default=1),
    words=models.TextField(),
    freeze_status=models.CharField(max_length=12, default="unaudited"),
    severity=models.CharField(max_length=10, null=True),
    **{name: models.DateTimeField() for name in common.INSTANTS},
)
Revision = table(
    "revisions",
    project=models.ForeignKey(Project, models.PROTECT),
    version=models.IntegerField(),
    at=models.DateTimeField(),
    by=models.TextField(),
    **{name: models.CharField(max_length=20) for name in ("work_type", "stage", "placement")},
    **{name: models.DateField(null=True) for name in ("contract_signed_on", "work_started_on", "ended_on")},
    changes=models.JSONField(),
)

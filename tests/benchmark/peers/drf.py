"""The peer on Django REST framework: the list and registration, as its users write them."""

from __future__ import annotations

import hashlib

# First, because it sets Django up.
from tests.benchmark.peers.drf_models import Agency, Project, Revision, Series, Token  # isort: skip

import django_filters.rest_framework
from django.core.wsgi import get_wsgi_application
from django.db import models, transaction
from django.db.models import Value
from django.db.models.functions import Coalesce, Least
from django.urls import path
from django.utils import timezone
from rest_framework import authentication, exceptions, generics, pagination, permissions, serializers
from rest_framework.response import Response

from tests.benchmark.peers import common

STARTED = Least("contract_signed_on", "work_started_on")
ENDS = {"budget_kzt": (-1, 2**63 - 1), "started_on": ("0001-01-01", "9999-12-31")}
SORTS = {name: name for name in (*common.INSTANTS, "number")} | dict.fromkeys(ENDS, "sort_key")


class TokenAuthentication(authentication.BaseAuthentication):
    """Bearer tokens, of which the SHA-256 is stored."""

    def authenticate(self, request):
        secret = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        try:
            return None, Token.objects.get(hash=hashlib.sha256(secret.encode()).hexdigest())
        except Token.DoesNotExist:
            raise exceptions.AuthenticationFailed from None

    def authenticate_header(self, request):
        return "Bearer"


class HasToken(permissions.BasePermission):
    def has_permission(self, request, view):
        return request.auth is not None


class WithToken:
    authentication_classes = (TokenAuthentication,)
    permission_classes = (HasToken,)


class Codes(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """Codes separated by commas."""


CODES = {name: Codes(name, choices=[(code, code) for code in codes]) for name, codes in common.FILTERS.items()}
ProjectFilter = type("ProjectFilter", (django_filters.FilterSet,), CODES)


class SortedCursor(pagination.CursorPagination):
    """DRF's keyset pages, by the parameter ``sort``."""

    page_size_query_param = "limit"
    max_page_size = 500

    def get_ordering(self, request, queryset, view):
        sort = request.query_params.get("sort", "-registered_at")
        down = "-" if sort.startswith("-") else ""
        name = sort.removeprefix("-")
        if name not in SORTS:
            raise exceptions.ValidationError({"sort": "unknown"})
        return (f"{down}{SORTS[name]}", f"{down}id")

    def get_paginated_response(self, data):
        return Response({"items": data, "next": self.get_next_link()})


class ProjectSerializer(serializers.ModelSerializer):
    agency = serializers.SlugRelatedField(slug_field="bin", queryset=Agency.objects.filter(closed_on=None))
    started_on = serializers.DateField(read_only=True)

    class Meta:
        model = Project
        fields = common.DETAIL
        read_only_fields = tuple(name for name in common.DETAIL if name not in (*common.WRITABLE, "agency"))

    def validate(self, attrs):
        if not (attrs.get("name_kk") or attrs.get("name_ru")):
            raise serializers.ValidationError({"name_ru": "required"})
        taken = Project.objects.filter(agency=attrs["agency"], external_id=attrs.get("external_id"))
        if attrs.get("external_id") and taken.exists():
            raise serializers.ValidationError({"external_id": "taken"})
        return attrs

    @transaction.atomic
    def create(self, validated_data):
        now = timezone.now()
        series = Series.objects.select_for_update().get(year=now.year)
        series.last += 1
        series.save()
        number = common.project_number(now.year, series.last)
        stamps = dict.fromkeys(common.INSTANTS, now)
        words = common.search_text(validated_data, number)
        project = Project.objects.create(number=number, words=words, **stamps, **validated_data)
        law = {name: getattr(project, name) for name in common.LAW}
        changes = [
            {"field": name, "old": None, "new": value}
            for name, value in self.to_representation(project).items()
            if name in common.WRITABLE and value is not None
        ]
        actor = self.context["request"].auth.name
        Revision.objects.create(project=project, version=1, at=now, by=actor, changes=changes, **law)
        project.started_on = min((day for day in common.started(law) if day), default=None)
        return project


class ShortSerializer(ProjectSerializer):
    class Meta:
        model = Project
        fields = common.SHORT


class Projects(WithToken, generics.ListCreateAPIView):
    filter_backends = (django_filters.rest_framework.DjangoFilterBackend,)
    filterset_class = ProjectFilter
    pagination_class = SortedCursor

    def get_serializer_class(self):
        return ShortSerializer if self.request.method == "GET" else ProjectSerializer

    def get_queryset(self):
        sort = self.request.query_params.get("sort", "")
        shown = [name for name in common.SHORT if name not in ("agency", "started_on")]
        rows = Project.objects.filter(withdrawn_at=None).select_related("agency").annotate(started_on=STARTED)
        rows = rows.only(*shown, "registered_at", "agency__bin")
        name = sort.removeprefix("-")
        if name in ENDS:
            column = STARTED if name == "started_on" else name
            end = ENDS[name][0 if sort.startswith("-") else 1]
            kind = models.DateField() if name == "started_on" else models.BigIntegerField()
            rows = rows.annotate(sort_key=Coalesce(column, Value(end, output_field=kind)))
        return rows


urlpatterns = [path("api/v1/projects", Projects.as_view())]
application = get_wsgi_application()

"""Products of the platform that can replace an object (Digital Code, Art. 90(2)), and which objects they fit."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from sqlalchemy import Select, String, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.roles import Actor, Permission
from registry.core import lists
from registry.core.database import Model, db, transaction
from registry.core.dialects import advisory_lock
from registry.core.errors import Invalid, NotFound, Problem
from registry.core.fields import BaseSchema, Choice, Entries, EntriesText, ReadOnly, Text
from registry.core.spreadsheets.reader import check_columns, open_sheet, require_upload_size
from registry.core.spreadsheets.rows import cell_fields, load_cells
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices
from registry.journal import service as journal
from registry.projects.fingerprints import COMMON_STEMS
from registry.projects.similarity import words

CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
PRODUCT_LOCK: Final = 742_017


class ProductNotFound(NotFound):
    """No product of the platform has that code."""


class ProductState(Choices, field="product_state"):
    """Whether a product can be used."""

    IN_USE = "in_use", lazy_text("In use")
    WITHDRAWN = "withdrawn", lazy_text("No longer in use")


class PlatformProduct(Model):
    """A product of the platform. ``terms``: what it replaces, in any language; each is a set of words."""

    __tablename__ = "platform_products"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(50), unique=True)
    name_kk: Mapped[str] = mapped_column(String(200))
    name_ru: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str | None] = mapped_column(String(200))
    description_kk: Mapped[str] = mapped_column(String(1000))
    description_ru: Mapped[str] = mapped_column(String(1000))
    description_en: Mapped[str | None] = mapped_column(String(1000))
    terms: Mapped[list[str]] = mapped_column(EntriesText)
    contact: Mapped[str] = mapped_column(String(200))
    product_state: Mapped[str] = mapped_column(String(10))


class ProductBody(BaseSchema):
    """What the platform team writes of a product."""

    name_kk = Text(label=lazy_text("Name in Kazakh"), description="Name in Kazakh.", required=True)
    name_ru = Text(label=lazy_text("Name in Russian"), description="Name in Russian.", required=True)
    name_en = Text(label=lazy_text("Name in English"), description="Name in English.")
    description_kk = Text(
        1000, label=lazy_text("What it does, in Kazakh"), description="What it does, in Kazakh.", required=True
    )
    description_ru = Text(
        1000, label=lazy_text("What it does, in Russian"), description="What it does, in Russian.", required=True
    )
    description_en = Text(1000, label=lazy_text("What it does, in English"), description="What it does, in English.")
    terms = Entries(
        label=lazy_text("What it replaces"),
        hint=lazy_text(
            "One term a line, in any language. The product is shown for projects that have all words of a term in "
            "their names or purpose."
        ),
        description="Terms, in any language. A project fits when all words of one stand in its names or purpose.",
        required=True,
    )
    contact = Text(
        label=lazy_text("Contact of the owner"), description="Whom to ask: e-mail, telephone, unit.", required=True
    )
    product_state = Choice(ProductState, label=lazy_text("State"), description="Whether it can be used.", required=True)


class Product(ProductBody):
    """A product in responses."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"code"})

    code = ReadOnly("Its code.", {"type": "string"}, label=lazy_text("Code"))


class ProductRow(ProductBody):
    """The columns of a file of products."""

    code = Text(50, required=True)


PRODUCT_BODY: Final = ProductBody()
PRODUCT: Final = Product()
ROW: Final = ProductRow()
WRITTEN: Final = tuple(PRODUCT_BODY.inputs)


def _rows(_actor: Actor) -> Select[Any]:
    return select(PlatformProduct)


PRODUCT_LIST: Final = lists.RecordList(
    name="products",
    permission=Permission.PROJECTS_READ,
    rows=_rows,
    unique=PlatformProduct.id.expression,
    filters={
        "code": lists.TextFilter(PlatformProduct.code.expression),
        "product_state": lists.ChoiceFilter(PlatformProduct.product_state.expression, ProductState.codes()),
    },
    sorts=lists.sort_keys(PlatformProduct.code.expression),
    default_sort="code",
)


def find_product(code: str) -> PlatformProduct:
    """Return the product with that code. Raises ProductNotFound."""
    product = _with_code(code) if CODE.fullmatch(code) else None
    if product is None:
        raise ProductNotFound(code=code)
    return product


def save_product(actor: Actor, code: str, values: Mapping[str, Any], *, is_new: bool = False) -> PlatformProduct:
    """Register a product or write all its values, which a schema has validated. Raises RoleNotAllowed and Invalid.

    ``is_new``: one with that code is invalid.
    """
    actor.require(Permission.PRODUCTS_WRITE)
    # Before the code is looked up: PostgreSQL takes no NUL.
    if problems := product_problems(code, values):
        raise Invalid(problems)
    with transaction() as session:
        advisory_lock(session, PRODUCT_LOCK)
        product = _with_code(code)
        if is_new and product is not None:
            raise Invalid([Problem("/code", "product-twice", {"code": code})])
        before = {name: None if product is None else getattr(product, name) for name in WRITTEN}
        after = {name: values.get(name) for name in WRITTEN}
        changes = [
            {"field": name, "old": before[name], "new": after[name]} for name in WRITTEN if before[name] != after[name]
        ]
        action = "product.registered" if product is None else "product.changed"
        product = product or PlatformProduct(code=code)
        if changes:
            for name, value in after.items():
                setattr(product, name, value)
            session.add(product)
            session.flush()
            journal.record(actor, action, f"product:{code}", {"changes": changes})
    return product


def product_problems(code: str, values: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the code, and the terms without a word that says what the product is about."""
    problems = [] if CODE.fullmatch(code) else [Problem("/code", "product-code-invalid")]
    problems += [] if values["terms"] else [Problem("/terms", "required")]
    common = [term for term in values["terms"] or () if not _telling(term)]
    return [*problems, *(Problem("/terms", "product-term-common", {"term": term}) for term in common)]


def import_products(actor: Actor, content: bytes, *, dry_run: bool = False) -> int:
    """Register or change the products of a file, all or none; returns how many rows it has.

    Products that it leaves out stay. Raises RoleNotAllowed, and Invalid with the row and column of each problem.
    """
    actor.require(Permission.PRODUCTS_WRITE)
    require_upload_size(content)
    sheet = open_sheet(content)
    check_columns(sheet.columns, ROW.inputs, [name for name, field in ROW.inputs.items() if field.required])
    fields = cell_fields(sheet.columns, ROW)
    products: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for row in sheet.rows():
        values, wrong = load_cells(row.cells, fields)
        # A cell with a problem has no value, not even None.
        required = [each for each in fields if ROW.inputs[each.name].required and values.get(each.name, "") is None]
        wrong += [Problem(f"/{each.name}", "required") for each in required]
        code = values.pop("code", None) or ""
        wrong += product_problems(code, values) if not wrong else []
        wrong += [Problem("/code", "product-twice", {"code": code})] if code in products else []
        problems += [Problem(f"/file/{row.number}{each.pointer}", each.code, each.params) for each in wrong]
        products[code] = values
    if problems:
        raise Invalid(problems)
    with transaction():
        for code, values in products.items() if not dry_run else ():
            save_product(actor, code, values)
    return len(products)


def products_for(texts: Iterable[str | None]) -> list[PlatformProduct]:
    """Return the products in use that could replace what has these names and purposes, by code."""
    stated = {word for text in texts if text for word in words(text)}
    in_use = select(PlatformProduct).where(PlatformProduct.product_state == ProductState.IN_USE.value)
    products = db.session.scalars(in_use.order_by(PlatformProduct.code))
    return [each for each in products if any(_telling(term) <= stated for term in each.terms)]


def _telling(term: str) -> set[str]:
    return {*words(term)} - COMMON_STEMS


def _with_code(code: str) -> PlatformProduct | None:
    return db.session.scalar(select(PlatformProduct).where(PlatformProduct.code == code))

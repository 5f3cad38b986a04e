"""Closed vocabularies of projects, except those that the law uses (``freeze/vocabulary.py``)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices, Placement, Severity, Stage, WorkType


class ObjectKind(Choices, field="object_kind"):
    """Kinds of objects."""

    SYSTEM = "system", lazy_text("Digital system")
    PLATFORM = "platform", lazy_text("Platform")
    INTERNET_RESOURCE = "internet_resource", lazy_text("Internet resource")
    DATA_RESOURCE = "data_resource", lazy_text("Data resource")
    INFRASTRUCTURE = "infrastructure", lazy_text("Infrastructure")
    SERVICE = "service", lazy_text("Service")


class ObjectClass(Choices, field="object_class"):
    """Classes of objects; stored as numbers."""

    FIRST = "1", lazy_text("First")
    SECOND = "2", lazy_text("Second")
    THIRD = "3", lazy_text("Third")


class Funding(Choices, field="funding"):
    """Sources of money."""

    REPUBLICAN_BUDGET = "republican_budget", lazy_text("Republican budget")
    LOCAL_BUDGET = "local_budget", lazy_text("Local budget")
    OWN_FUNDS = "own_funds", lazy_text("Own funds")
    PPP = "ppp", lazy_text("Public-private partnership")
    SERVICE_MODEL = "service_model", lazy_text("Service model")
    INTERNATIONAL = "international", lazy_text("International funds")


class LinkKind(Choices, field="link_kind"):
    """What a project is to another that it is linked to."""

    DUPLICATE_OF = "duplicate_of", lazy_text("Duplicate of")
    PART_OF = "part_of", lazy_text("Part of")
    REPLACES = "replaces", lazy_text("Replaces")
    EXCHANGES_DATA_WITH = "exchanges_data_with", lazy_text("Exchanges data with")


class Sector(Choices, field="sector"):
    """Functions of government (COFOG)."""

    PUBLIC_SERVICES = "01", lazy_text("General public services")
    DEFENCE = "02", lazy_text("Defence")
    PUBLIC_ORDER = "03", lazy_text("Public order and safety")
    ECONOMY = "04", lazy_text("Economic affairs")
    ENVIRONMENT = "05", lazy_text("Environmental protection")
    HOUSING = "06", lazy_text("Housing and community amenities")
    HEALTH = "07", lazy_text("Health")
    CULTURE = "08", lazy_text("Recreation, culture and religion")
    EDUCATION = "09", lazy_text("Education")
    SOCIAL_PROTECTION = "10", lazy_text("Social protection")


class FreezeStatus(Choices, field="freeze_status"):
    """Freeze statuses, stored with each project (``flags/freeze_status.py``)."""

    OUT_OF_SCOPE = "out_of_scope", lazy_text("Out of scope")
    UNAUDITED = "unaudited", lazy_text("Not audited yet")
    CLEAR = "clear", lazy_text("Clear")
    FLAGGED = "flagged", lazy_text("Flagged")
    TO_MIGRATE = "to_migrate", lazy_text("To migrate")
    EXEMPT = "exempt", lazy_text("Exempt")
    ACCEPTED = "accepted", lazy_text("Accepted")
    WITHDRAWN = "withdrawn", lazy_text("Registered in error")


class FlagAge(Choices, field="flag_age"):
    """How long flags have been open: the least number of days. Audits store counts by it (``DailyCount``)."""

    UP_TO_30 = "0", lazy_text("Up to 30 days")
    UP_TO_90 = "31", lazy_text("31 to 90 days")
    UP_TO_180 = "91", lazy_text("91 to 180 days")
    LONGER = "181", lazy_text("More than 180 days")

    def opened(self, on: date) -> tuple[date | None, date]:
        """Return the first and last day on which flags of this age were opened, as of a date; None: whenever."""
        ages = list(FlagAge)
        older = ages[ages.index(self) + 1 :]
        first = None if not older else on - timedelta(days=int(older[0]) - 1)
        return first, on - timedelta(days=int(self))


# What lists can be narrowed to: an age, or an age and the severity of the flags.
FLAG_AGES: Final = (
    *FlagAge.codes(),
    *(f"{age}-{severity}" for age in FlagAge.codes() for severity in Severity.LOW.and_above()),
)


class PlanState(Choices, field="migration_plan"):
    """Whether a project has a migration plan, and whether oversight has confirmed it."""

    NONE = "none", lazy_text("No plan")
    PLANNED = "planned", lazy_text("Planned, not confirmed")
    CONFIRMED = "confirmed", lazy_text("Confirmed")


class WithdrawnProjects(Choices, field="withdrawn"):
    """Whether lists have the projects that were registered in error and withdrawn."""

    EXCLUDE = "exclude", lazy_text("Not included")
    INCLUDE = "include", lazy_text("Included")
    ONLY = "only", lazy_text("These only")


# Outcomes of a verdict, which looks at no decisions of reviewers.
VERDICT_OUTCOMES: Final = (
    FreezeStatus.OUT_OF_SCOPE.value,
    FreezeStatus.CLEAR.value,
    FreezeStatus.EXEMPT.value,
    FreezeStatus.FLAGGED.value,
    FreezeStatus.TO_MIGRATE.value,
)


class DocumentKind(Choices, field="document_kind"):
    """Kinds of documents."""

    CONTRACT = "contract", lazy_text("Contract")
    SPECIFICATION = "specification", lazy_text("Specification")
    ACT = "act", lazy_text("Act")
    LETTER = "letter", lazy_text("Letter")
    EVIDENCE = "evidence", lazy_text("Supporting document")
    OTHER = "other", lazy_text("Other")


class AttestationState(Choices, field="attestation"):
    """Whether the agency has to confirm that a record is still true."""

    CURRENT = "current", lazy_text("Confirmed in time")
    DUE = "due", lazy_text("Confirmation due within 30 days")
    OVERDUE = "overdue", lazy_text("Confirmation overdue")


# Further words that agencies write for the choices of a project, beside the labels. Only words with one meaning.

Spellings = Mapping[str, Sequence[str]]

OBJECT_KINDS: Final[Spellings] = {
    ObjectKind.SYSTEM: (
        *("ИС", "информационная система"),
        *("ақпараттық жүйе", "АЖ", "АИС", "автоматизированная информационная система", "информационные системы"),
        *("information system", "система", "жүйе"),
    ),
    ObjectKind.PLATFORM: ("цифровая платформа", "цифрлық платформа"),
    ObjectKind.INTERNET_RESOURCE: ("сайт", "веб-сайт", "портал", "веб-портал", "интернет-портал", "website", "portal"),
    ObjectKind.DATA_RESOURCE: ("база данных", "БД", "деректер базасы", "дерекқор", "database"),
    ObjectKind.INFRASTRUCTURE: ("ИКИ", "информационно-коммуникационная инфраструктура", "цифровая инфраструктура"),
    ObjectKind.SERVICE: ("услуга", "қызмет", "цифровой сервис"),
}
WORK_TYPES: Final[Spellings] = {
    WorkType.CREATION: ("создание ИС", "создание системы", "создание объекта", "жасау", "құру жұмыстары"),
    WorkType.DEVELOPMENT: ("развитие ИС", "развитие системы", "развитие объекта", "дамыту жұмыстары"),
    WorkType.MODIFICATION: ("модификация ИС", "модификация системы"),
    WorkType.MAINTENANCE: (
        *("сопровождение ИС", "сопровождение системы", "техническая поддержка", "техподдержка", "техсопровождение"),
        *("техническое сопровождение", "системно-техническое обслуживание", "поддержка", "сүйемелдеу жұмыстары"),
        *("техникалық қолдау", "support"),
    ),
    WorkType.MIGRATION: ("миграция", "перенос на QazTech", "миграция на QazTech", "көшу"),
}
STAGES: Final[Spellings] = {
    Stage.PLANNING: ("планируется", "запланирован", "запланировано", "жоспарда", "жоспарлануда", "planned"),
    Stage.CREATION: (
        "создание",
        "разрабатывается",
        "создаётся",
        "в стадии создания",
        "әзірленуде",
        "in development",
    ),
    Stage.TESTING: ("испытания", "тестируется", "на тестировании", "тестілеу", "сынақ"),
    Stage.PILOT: ("пилот", "пилотная эксплуатация", "пилотный проект", "в опытной эксплуатации", "ОЭ", "пилоттық"),
    Stage.OPERATION: (
        *("эксплуатация", "в эксплуатации", "в промышленной эксплуатации", "введён в эксплуатацию"),
        *("введена в эксплуатацию", "введено в эксплуатацию", "пайдалануда", "пайдалану", "production"),
        *("введён в промышленную эксплуатацию", "введена в промышленную эксплуатацию", "действующий", "действующая"),
        *("функционирует", "эксплуатируется", "пайдалануға берілді", "өнеркәсіптік пайдалануда"),
    ),
    Stage.TERMINATED: (
        "прекращено",
        "прекращена",
        "остановлен",
        "остановлена",
        "остановлено",
        "тоқтатылды",
        "stopped",
        "выведен из эксплуатации",
        "выведена из эксплуатации",
        "пайдаланудан шығарылды",
    ),
    Stage.ARCHIVED: ("архив", "архивный", "мұрағат", "мұрағатта"),
    Stage.WRITTEN_OFF: ("списана", "списано", "есептен шығарылды"),
}
PLACEMENTS: Final[Spellings] = {
    Placement.ON_PLATFORM: (
        "QazTech",
        "на QazTech",
        "размещён на QazTech",
        "размещена на QazTech",
        "QazTech-те",
        "QazTech-та",
    ),
    Placement.ONBOARDING: (
        "подключается",
        "подключается к QazTech",
        "подключение",
        "в процессе подключения",
        "подключение к QazTech",
        "QazTech-ке қосылу",
        "қосылуда",
    ),
    Placement.OFF_PLATFORM: (
        *("вне QazTech", "не на QazTech", "вне платформы", "собственный ЦОД", "собственный сервер", "QazTech-тен тыс"),
        *("не размещён на QazTech", "не размещена на QazTech"),
        *("платформадан тыс", "outside", "в другом месте", "басқа жерде", "elsewhere"),
    ),
    Placement.UNKNOWN: ("неизвестно", "не известно", "не определено", "белгісіз"),
}
FUNDINGS: Final[Spellings] = {
    Funding.REPUBLICAN_BUDGET: ("РБ", "республиканский", "республикалық", "средства республиканского бюджета"),
    Funding.LOCAL_BUDGET: ("МБ", "местный", "жергілікті", "средства местного бюджета"),
    Funding.OWN_FUNDS: ("собственные", "за счёт собственных средств", "меншікті қаражат"),
    Funding.PPP: ("ГЧП", "МЖӘ"),
    Funding.SERVICE_MODEL: ("сервисная модель информатизации", "сервисная", "сервистік"),
    Funding.INTERNATIONAL: ("международный", "международное финансирование", "халықаралық"),
}
OBJECT_CLASSES: Final[Spellings] = {
    ObjectClass.FIRST: ("I", "1 класс", "I класс", "1-й", "первый класс", "1-сынып", "1 сынып"),
    ObjectClass.SECOND: ("II", "2 класс", "II класс", "2-й", "второй класс", "2-сынып", "2 сынып"),
    ObjectClass.THIRD: ("III", "3 класс", "III класс", "3-й", "третий класс", "3-сынып", "3 сынып"),
}

"""Further words that agencies write for the choices of a project, beside the labels. Only words with one meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from registry.freeze.vocabulary import Placement, Stage, WorkType
from registry.projects.vocabulary import Funding, ObjectClass, ObjectKind

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
        "в разработке",
        "разрабатывается",
        "создаётся",
        "в стадии создания",
        "әзірленуде",
        "in development",
    ),
    Stage.TESTING: ("испытания", "тестируется", "на тестировании", "тестілеу", "сынақ"),
    Stage.PILOT: ("пилот", "пилотная эксплуатация", "пилотный проект", "в опытной эксплуатации", "ОЭ", "пилоттық"),
    Stage.OPERATION: (
        *("эксплуатация", "в эксплуатации", "действует", "в промышленной эксплуатации", "введён в эксплуатацию"),
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

"""Made contracts and projects of agencies with known truth: renamed, split, amended, dated falsely, IT and not.

Nothing here knows how the register matches: texts, numbers, dates and sums are drawn as agencies write them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

# What systems are about, in Russian and Kazakh.
SUBJECTS = (
    ("учёта земельных участков", "жер учаскелерін есепке алу"),
    ("регистрации транспортных средств", "көлік құралдарын тіркеу"),
    ("мониторинга качества воды", "су сапасын мониторингтеу"),
    ("диспансеризации населения", "халықты диспансерлеу"),
    ("управления школьным питанием", "мектеп тамақтануын басқару"),
    ("ведения судебных дел", "сот істерін жүргізу"),
    ("учёта лесного фонда", "орман қорын есепке алу"),
    ("субсидирования фермеров", "фермерлерді субсидиялау"),
    ("лицензирования недропользования", "жер қойнауын лицензиялау"),
    ("планирования бюджетных расходов", "бюджет шығыстарын жоспарлау"),
    ("приёма обращений граждан", "азаматтардың өтініштерін қабылдау"),
    ("назначения социальных выплат", "әлеуметтік төлемдерді тағайындау"),
    ("контроля строительства дорог", "жол құрылысын бақылау"),
    ("учёта музейных предметов", "музей заттарын есепке алу"),
    ("прогноза паводков", "су тасқынын болжау"),
    ("ветеринарных паспортов животных", "жануарлардың ветеринарлық паспорттары"),
    ("распределения мест в детские сады", "балабақша орындарын бөлу"),
    ("государственных закупок лекарств", "дәрі-дәрмекті сатып алу"),
    ("учёта военнообязанных", "әскери міндеттілерді есепке алу"),
    ("ведения реестра предпринимателей", "кәсіпкерлер тізілімін жүргізу"),
    ("анализа преступности", "қылмысты талдау"),
    ("управления общественным транспортом", "қоғамдық көлікті басқару"),
    ("аттестации учителей", "мұғалімдерді аттестаттау"),
    ("записи к врачу", "дәрігерге жазылу"),
    ("учёта энергопотребления зданий", "ғимараттардың энергия тұтынуын есепке алу"),
    ("таможенного декларирования", "кедендік декларациялау"),
    ("статистической отчётности", "статистикалық есептілік"),
    ("экспертизы проектной документации", "жобалық құжаттаманы сараптау"),
    ("выдачи миграционных разрешений", "көші-қон рұқсаттарын беру"),
    ("архива кинофотодокументов", "кинофотоқұжаттар мұрағаты"),
)
KINDS = (
    ("информационной системы", "ақпараттық жүйесі"),
    ("портала", "порталы"),
    ("мобильного приложения", "мобильді қосымшасы"),
    ("программного обеспечения", "бағдарламалық жасақтамасы"),
    ("автоматизированной системы", "автоматтандырылған жүйесі"),
)
NAMES = (
    "Информационная система",
    "Портал",
    "Мобильное приложение",
    "Программное обеспечение",
    "Автоматизированная система",
)
WORKS = (
    "Разработка",
    "Услуги по разработке",
    "Создание",
    "Работы по созданию и внедрению",
    "Услуги по сопровождению",
    "Модернизация",
)
# Bought every year, and no digital object.
OTHER = (
    ("Бумага офисная А4", "А4 кеңсе қағазы", "171214"),
    ("Услуги по уборке служебных помещений", "Қызметтік үй-жайларды тазалау", "812110"),
    ("Текущий ремонт кровли здания", "Ғимарат төбесін ағымдағы жөндеу", "439119"),
    ("Компьютерные столы и кресла", "Компьютер үстелдері мен креслолары", "310011"),
    ("Заправка картриджей принтеров", "Принтер картридждерін толтыру", "331212"),
    ("Услуги доступа к сети Интернет", "Интернетке қол жеткізу қызметі", "611043"),
    ("Бензин АИ-92", "АИ-92 бензині", "192021"),
    ("Охрана административного здания", "Әкімшілік ғимаратты күзету", "801012"),
    ("Обучение государственных служащих", "Мемлекеттік қызметшілерді оқыту", "855913"),
    ("Ноутбуки для сотрудников", "Қызметкерлерге арналған ноутбуктер", "262011"),
    ("Публикация объявлений в газете", "Газетте хабарландыру жариялау", "581310"),
    ("Питание пациентов стационара", "Стационар науқастарын тамақтандыру", "562920"),
)
CUTOFF = date(2026, 1, 1)


@dataclass
class MadeContract:
    """A contract as the portal would have it, and whether it is about information technology."""

    id: int
    values: dict[str, Any]
    is_it: bool


@dataclass
class MadeAgency:
    """The contracts and projects of an agency, and the pairs that belong together."""

    contracts: list[MadeContract] = field(default_factory=list)
    projects: list[dict[str, Any]] = field(default_factory=list)
    truth: set[tuple[int, int]] = field(default_factory=set)


class Maker:
    """Draws agencies with their contracts and projects."""

    def __init__(self, seed: int) -> None:
        self.random, self.parts = Random(seed), Random(seed + 1)
        self.last = 0

    def agency(self, count: int) -> MadeAgency:
        """An agency with so many contracts, a third of them about information technology."""
        agency = MadeAgency()
        suppliers = [f"{self.random.randrange(10**11):012}" for _ in range(8)]
        subjects = self.random.sample(SUBJECTS, 24)
        while len(agency.contracts) < count:
            if self.random.random() < 0.65 or not subjects:
                self._other(agency, suppliers)
            elif self.random.random() < 0.3:
                self._contract(agency, subjects.pop(), suppliers)
            else:
                self._project(agency, subjects.pop(), suppliers)
        for subject in subjects[:2]:
            agency.projects.append(self._record(subject, 0, None, None, None, 10**7))
        return agency

    def _project(self, agency: MadeAgency, subject: tuple[str, str], suppliers: list[str]) -> None:
        kind = self.random.randrange(len(KINDS))
        first = self._contract(agency, subject, suppliers, kind)
        parts = [first]
        if self.random.random() < 0.2:
            # Split: further contracts with the same supplier, of which the record names the first alone.
            supplier = [first.values["supplier_bin"]]
            stages = range(2, self.random.randint(3, 4))
            parts += [self._contract(agency, subject, supplier, kind, stage) for stage in stages]
            if self.parts.random() < 0.5:
                # To stay below a limit, within weeks of each other.
                for part in parts[1:]:
                    part.values["signed_on"] = first.values["signed_on"] + timedelta(days=self.parts.randrange(40))
        signed_as = first.values
        signed: date = signed_as["signed_on"]
        recorded = date(2025, 12, self.random.randint(10, 31)) if self.random.random() < 0.25 else signed
        budget = sum(each.values["sum_kzt"] for each in parts)
        budget = round(budget * self.random.choice((1, 1, 1, 1.05, 0.8)))
        known = signed_as["supplier_bin"] if self.random.random() < 0.75 else None
        record = self._record(subject, kind, self._number(signed_as), known, recorded, budget)
        agency.truth |= {(each.id, len(agency.projects)) for each in parts}
        agency.projects.append(record)

    def _number(self, signed_as: dict[str, Any]) -> str | None:
        written = self.random.random()
        number = str(signed_as["contract_number"])
        if written < 0.1:
            return f"{signed_as['number_sys']}/00"
        if written < 0.2:
            return None
        if written < 0.25:
            return f"{number}1"
        if written < 0.5:
            return f"№ {number.lower()} от {signed_as['signed_on']:%d.%m.%Y}"
        return number.replace("-", " ") if written < 0.6 else number

    def _record(
        self,
        subject: tuple[str, str],
        kind: int,
        number: str | None,
        supplier: str | None,
        day: date | None,
        budget: int,
    ) -> dict[str, Any]:
        ru, kk = f"{NAMES[kind]} {subject[0]}", f"{subject[1]} {KINDS[kind][1]}"
        if self.random.random() < 0.25:
            # Renamed: a brand name that says nothing.
            ru = kk = (
                self.random.choice(("«Құзырет»", "e-Qyzmet", "Smart Aimaq", "АИС «Барыс»"))
                + f" {self.random.randrange(90)}"
            )
        names = {"name_ru": ru if self.random.random() < 0.9 else None, "name_kk": kk}
        return names | {"contract_number": number, "supplier_bin": supplier, "signed_on": day, "budget_kzt": budget}

    def _contract(
        self,
        agency: MadeAgency,
        subject: tuple[str, str],
        suppliers: list[str],
        kind: int | None = None,
        stage: int | None = None,
    ) -> MadeContract:
        ru, kk = KINDS[self.random.randrange(len(KINDS)) if kind is None else kind]
        text = f"{self.random.choice(WORKS)} {ru} {subject[0]}"
        if stage:
            text += f", {stage} этап"
        texts = {"description_ru": text, "description_kk": f"{subject[1]} {kk} әзірлеу"}
        if self.random.random() < 0.15:
            texts["description_ru" if self.random.random() < 0.5 else "description_kk"] = ""
        return self._add(agency, texts, "620111.000.000000", suppliers, is_it=True)

    def _other(self, agency: MadeAgency, suppliers: list[str]) -> None:
        ru, kk, code = self.random.choice(OTHER)
        self._add(agency, {"description_ru": ru, "description_kk": kk}, f"{code}.000.000000", suppliers, is_it=False)

    def _add(
        self, agency: MadeAgency, texts: dict[str, str], code: str, suppliers: list[str], *, is_it: bool
    ) -> MadeContract:
        self.last += 1
        signed = date(2024, 1, 15) + timedelta(days=self.random.randrange(800))
        total = self.random.randrange(1, 400) * 500_000 + self.random.randrange(1000)
        # Short numbers start again each year, so that they come again.
        short = str(self.random.randrange(1, 150))
        number = short if self.random.random() < 0.35 else f"{short}-ГЗ/{signed.year}-{self.random.randrange(100, 999)}"
        values = {
            **texts,
            "number_sys": f"070240006286/{signed.year % 100}{self.last:05}",
            "contract_number": number,
            "supplier_bin": self.random.choice(suppliers),
            "signed_on": signed,
            "sum_kzt": total,
            # Amended: every tenth ends with another sum.
            "current_sum_kzt": round(total * 1.2) if self.random.random() < 0.1 else total,
            # Half of the downloads have no codes.
            "codes": [code] if self.random.random() < 0.5 else [],
        }
        contract = MadeContract(self.last, values, is_it)
        agency.contracts.append(contract)
        return contract


def made_agencies(count: int, each: int = 200, seed: int = 627) -> Iterator[MadeAgency]:
    """Agencies with about ``count`` contracts together."""
    maker = Maker(seed)
    yield from (maker.agency(each) for _ in range(count // each))

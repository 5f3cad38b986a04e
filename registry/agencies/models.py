"""Table of agencies: the hierarchy of organisations that must register projects, identified by BIN; and regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.core.database import Instant, Model, table_of
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import AgencyKind, Choices


class Region(Choices, field="region"):
    """The first two digits of KATO, the national classifier of administrative and territorial units."""

    ABAI = "10", lazy_text("Abai region")
    AKMOLA = "11", lazy_text("Akmola region")
    AKTOBE = "15", lazy_text("Aktobe region")
    ALMATY_REGION = "19", lazy_text("Almaty region")
    ATYRAU = "23", lazy_text("Atyrau region")
    WEST_KAZAKHSTAN = "27", lazy_text("West Kazakhstan region")
    ZHAMBYL = "31", lazy_text("Zhambyl region")
    ZHETISU = "33", lazy_text("Zhetisu region")
    KARAGANDA = "35", lazy_text("Karaganda region")
    KOSTANAY = "39", lazy_text("Kostanay region")
    KYZYLORDA = "43", lazy_text("Kyzylorda region")
    MANGYSTAU = "47", lazy_text("Mangystau region")
    PAVLODAR = "55", lazy_text("Pavlodar region")
    NORTH_KAZAKHSTAN = "59", lazy_text("North Kazakhstan region")
    TURKISTAN = "61", lazy_text("Turkistan region")
    ULYTAU = "62", lazy_text("Ulytau region")
    EAST_KAZAKHSTAN = "63", lazy_text("East Kazakhstan region")
    ASTANA = "71", lazy_text("Astana")
    ALMATY = "75", lazy_text("Almaty")
    SHYMKENT = "79", lazy_text("Shymkent")


# Further words that agencies write for regions and kinds of agencies, beside the labels.

REGIONS: Final[Mapping[str, Sequence[str]]] = {
    Region.ABAI: ("Абай", "Абайская область"),
    Region.AKMOLA: ("Акмолинская", "Ақмола"),
    Region.AKTOBE: ("Актюбинская", "Ақтөбе", "Aktobe"),
    Region.ALMATY_REGION: ("Алматинская",),
    Region.ATYRAU: ("Атырауская", "Атырау", "Atyrau"),
    Region.WEST_KAZAKHSTAN: ("Западно-Казахстанская", "ЗКО", "БҚО", "Батыс Қазақстан"),
    Region.ZHAMBYL: ("Жамбылская", "Жамбыл"),
    Region.ZHETISU: ("Жетісу", "Жетысу", "область Жетысу", "Жетысуская область"),
    Region.KARAGANDA: ("Карагандинская", "Қарағанды"),
    Region.KOSTANAY: ("Костанайская", "Қостанай"),
    Region.KYZYLORDA: ("Кызылординская", "Қызылорда"),
    Region.MANGYSTAU: ("Мангистауская", "Маңғыстау"),
    Region.PAVLODAR: ("Павлодарская", "Павлодар"),
    Region.NORTH_KAZAKHSTAN: ("Северо-Казахстанская", "СКО", "СҚО", "Солтүстік Қазақстан"),
    Region.TURKISTAN: ("Туркестанская", "Түркістан"),
    Region.ULYTAU: ("Ұлытау", "Улытау", "область Улытау", "Улытауская область"),
    Region.EAST_KAZAKHSTAN: ("Восточно-Казахстанская", "ВКО", "ШҚО", "Шығыс Қазақстан"),
    Region.ASTANA: ("Нур-Султан", "Нұр-Сұлтан", "Astana"),
    Region.ALMATY: ("Almaty",),
    Region.SHYMKENT: ("Чимкент", "Shymkent"),
}
AGENCY_KINDS: Final[Mapping[str, Sequence[str]]] = {
    AgencyKind.CENTRAL_BODY: ("ЦГО", "министерство", "министрлік", "ОМО"),
    AgencyKind.LOCAL_EXECUTIVE: ("МИО", "акимат", "әкімдік", "ЖАО"),
    AgencyKind.QUASI_PUBLIC: ("квазигоссектор", "субъект квазигосударственного сектора"),
    AgencyKind.PRIVATE: ("частная", "частная компания", "жеке"),
}


class Agency(Model):
    """An organisation. ``parent_id`` forms a tree: an editor of an agency also acts for its subordinate agencies.

    ``closed_on``: the first day on which it no longer exists; ``successor_id``: the agency that everything passed to.
    """

    __tablename__ = "agencies"

    id: Mapped[int] = mapped_column(primary_key=True)
    bin: Mapped[str] = mapped_column(String(12), unique=True)
    name_kk: Mapped[str | None] = mapped_column(String(500))
    name_ru: Mapped[str | None] = mapped_column(String(500))
    name_en: Mapped[str | None] = mapped_column(String(500))
    kind: Mapped[str] = mapped_column(String(20))
    region: Mapped[str | None] = mapped_column(String(2))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"), index=True)
    email: Mapped[str | None] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    closed_on: Mapped[date | None]
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"), index=True)

    parent: Mapped[Agency | None] = relationship(
        remote_side="Agency.id", foreign_keys=[parent_id], lazy="joined", join_depth=1
    )
    successor: Mapped[Agency | None] = relationship(
        remote_side="Agency.id", foreign_keys=[successor_id], lazy="joined", join_depth=1
    )

    @property
    def parent_bin(self) -> str | None:
        """The BIN of the parent agency."""
        return self.parent.bin if self.parent else None

    @property
    def successor_bin(self) -> str | None:
        """The BIN of the agency that succeeded it."""
        return self.successor.bin if self.successor else None


AGENCIES: Final = table_of(Agency)

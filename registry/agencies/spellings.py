"""Further words that agencies write for regions and kinds of agencies, beside the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from registry.agencies.vocabulary import Region
from registry.freeze.vocabulary import AgencyKind

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

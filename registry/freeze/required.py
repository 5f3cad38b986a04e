"""The condition that each rule requires, in kk, ru and en, with the policy's values.

Numbers are placed where no word ending depends on them, so that the texts are correct for any policy.
"""

from __future__ import annotations

from collections.abc import Mapping

from registry.freeze.dates import format_date
from registry.freeze.policy import Policy

_CLOCK = {
    "contract_signed_on": {
        "kk": "шартқа қол қойылған күн",
        "ru": "дата подписания договора",
        "en": "date the contract was signed",
    },
    "work_started_on": {
        "kk": "жұмыс басталған күн",
        "ru": "дата начала работ",
        "en": "date work started",
    },
}

_REQUIRED: Mapping[str, Mapping[str, str]] = {
    "platform.unverified": {
        "kk": "Объектінің QazTech платформасында орналасқаны расталған; растау мерзімі – тіркелгеннен кейін {grace} "
        "күн.",
        "ru": "Размещение объекта на платформе QazTech подтверждено; срок подтверждения (в днях после регистрации): "
        "{grace}.",
        "en": "The object's placement on QazTech is confirmed; days allowed for that after registration: {grace}.",
    },
    "platform.onboarding": {
        "kk": "Объект платформаға көшірілген және бұл расталған; қосылуға берілетін ең ұзақ мерзім – {onboarding} ай.",
        "ru": "Объект перенесён на платформу и это подтверждено; наибольший срок подключения (в месяцах): "
        "{onboarding}.",
        "en": "The object has moved to the platform and this is confirmed; longest onboarding allowed, in months: "
        "{onboarding}.",
    },
    "platform.onboarding-overdue": {
        "kk": "Объект платформада немесе қосылу мерзімі инспектор растаған жаңа күнге ұзартылған (ең көбі "
        "{onboarding} ай).",
        "ru": "Объект размещён на платформе или срок подключения продлён инспектором (не более чем на {onboarding} "
        "мес.).",
        "en": "The object is on the platform, or a reviewer has extended the onboarding; longest extension in "
        "months: {onboarding}.",
    },
    "platform.onboarding-unconfirmed": {
        "kk": "Платформаға қосылу мен оның мерзімі расталған; мерзім {onboarding} айдан аспайды.",
        "ru": "Подключение к платформе и его срок подтверждены; срок не превышает {onboarding} мес.",
        "en": "The onboarding and its due date are confirmed; longest term in months: {onboarding}.",
    },
    "freeze.creation": {
        "kk": "Жаңа объектіні құру {cutoff} күнінен бұрын басталған (есепке алынады: {clock}) немесе объект QazTech "
        "платформасында орналасқаны расталған.",
        "ru": "Создание нового объекта начато до {cutoff} (учитывается: {clock}), или подтверждено размещение "
        "объекта на платформе QazTech.",
        "en": "The creation began before {cutoff} (what counts: {clock}), or the object is confirmed on QazTech.",
    },
    "freeze.planned": {
        "kk": "{cutoff} күнінен бастап QazTech платформасынан тыс жаңа жұмыс жоспарланбайды: объектінің платформада "
        "орналасқаны расталған немесе жұмыс тоқтатылған.",
        "ru": "С {cutoff} новые работы вне платформы QazTech не планируются: размещение объекта на платформе "
        "подтверждено или работы прекращены.",
        "en": "From {cutoff} no new work is planned outside QazTech: the object is confirmed on the platform, or "
        "the work is stopped.",
    },
    "freeze.transitional": {
        "kk": "Құрылған объект {cutoff} күнінен бұрын пайдалануға берілген немесе объектінің QazTech платформасында "
        "орналасқаны расталған.",
        "ru": "Созданный объект введён в эксплуатацию до {cutoff}, или подтверждено его размещение на платформе "
        "QazTech.",
        "en": "The result of the creation was in operation before {cutoff}, or the object is confirmed on QazTech.",
    },
    "freeze.development": {
        "kk": "Объектіні дамыту {cutoff} күнінен бұрын басталған (есепке алынады: {clock}) немесе объектінің "
        "QazTech платформасында орналасқаны расталған.",
        "ru": "Развитие объекта начато до {cutoff} (учитывается: {clock}), или подтверждено его размещение на "
        "платформе QazTech.",
        "en": "The development began before {cutoff} (what counts: {clock}), or the object is confirmed on QazTech.",
    },
    "freeze.misclassified": {
        "kk": "{cutoff} күнінен бастап дамытылатын не модификацияланатын объект бұрын пайдалануға берілген және "
        "берілген күні көрсетілген.",
        "ru": "Объект, который развивают или модифицируют с {cutoff}, введён в эксплуатацию раньше этих работ, и "
        "дата ввода указана.",
        "en": "An object developed or modified since {cutoff} was in operation before this work, and the date is "
        "given.",
    },
    "freeze.modification-limit": {
        "kk": "Модификация құны объектінің бастапқы құнының {percent} пайызынан аспайды және уәкілетті органның "
        "келісімінің нөмірі көрсетілген.",
        "ru": "Стоимость модификации не превышает {percent} % первоначальной стоимости объекта, и указан номер "
        "согласия уполномоченного органа.",
        "en": "The modification costs no more than {percent} % of the object's original cost, and the number of the "
        "authorised body's consent is given.",
    },
    "freeze.pilot-limit": {
        "kk": "Тәжірибелік пайдалану {months} айдан ұзаққа созылмайды.",
        "ru": "Опытная эксплуатация длится не более {months} мес.",
        "en": "The pilot stays within its {months}-month limit.",
    },
    "freeze.data-gap": {
        "kk": "Қағиданы қолдануға қажет мәндердің бәрі көрсетілген: орналасуы, жұмыстың басталуы ({clock}), "
        "тәжірибелік пайдаланудың басталған күні, объектінің пайдалануға берілген күні, модификация үшін "
        "бюджет пен бастапқы құн.",
        "ru": "Указано всё, без чего нельзя применить правила: размещение, начало работ ({clock}), начало опытной "
        "эксплуатации, дата ввода объекта в эксплуатацию, для модификации – бюджет и первоначальная "
        "стоимость.",
        "en": "Everything that the rules need is given: the placement, the start ({clock}), the start of a pilot, "
        "the date the object went into operation, for a modification its budget and the object's original "
        "cost.",
    },
    "migration.overdue": {
        "kk": "{cutoff} күнінен бұрын пайдаланудағы объект {deadline} күніне дейін (осы күнді қоса алғанда) QazTech "
        "платформасына көшірілген.",
        "ru": "Объект, который эксплуатировался до {cutoff}, перенесён на платформу QazTech не позднее {deadline}.",
        "en": "An object in operation since before {cutoff} has moved to QazTech by {deadline}.",
    },
    "migration.order-overdue": {
        "kk": "Объект платформаға нұсқамада көрсетілген күннен кешіктірмей көшірілген.",
        "ru": "Объект перенесён на платформу не позднее даты, указанной в предписании.",
        "en": "The object has moved to the platform by the date that the order sets.",
    },
    "integrity.backdated": {
        "kk": "Жұмыс шартқа қол қойылғанға дейін басталмаған: {cutoff} күнінен бастап жасалған шарт бойынша жұмыс "
        "осы күннен ерте басталған деп көрсетілмейді.",
        "ru": "Работы не начаты раньше договора: по договору, подписанному с {cutoff}, начало работ не указано "
        "более ранней датой.",
        "en": "Work did not begin before its contract: under a contract signed on or after {cutoff} no earlier "
        "start is given.",
    },
    "integrity.rewritten": {
        "kk": "Жобаның басталған күні ({clock}) {cutoff} күнінен ерте мерзімге ауыстырылмаған және құру жұмысы "
        "басқа жұмыс түріне өзгертілмеген.",
        "ru": "Начало проекта ({clock}) не перенесено на время до {cutoff}, и создание не переименовано в другой "
        "вид работ.",
        "en": "The start ({clock}) was not moved to before {cutoff}, and a creation was not renamed as other work.",
    },
    "integrity.ended-unconfirmed": {
        "kk": "Пайдаланудың тоқтатылғаны уәкілетті органның келісімімен расталған немесе объект {cutoff} күнінен "
        "бұрын тоқтатылған және солай тіркелген.",
        "ru": "Прекращение эксплуатации подтверждено с согласия уполномоченного органа, либо эксплуатация "
        "прекращена до {cutoff} и проект с самого начала так зарегистрирован.",
        "en": "The ending is confirmed with the authorised body's agreement, or the object ended before {cutoff} "
        "and was registered as ended from the start.",
    },
    "freeze.legacy": {
        "kk": "Объектінің QazTech платформасында орналасқаны расталған.",
        "ru": "Размещение объекта на платформе QazTech подтверждено.",
        "en": "The object is confirmed on QazTech.",
    },
}


def required_text(rule: str, policy: Policy, language: str) -> str:
    """The condition that the rule requires, as a sentence in ``language`` (kk, ru or en)."""
    return _REQUIRED[rule][language].format(
        cutoff=format_date(policy.cutoff, language),
        deadline=format_date(policy.migration_deadline, language),
        months=policy.pilot_limit_months,
        percent=policy.modification_limit_percent,
        grace=policy.verification_grace_days,
        onboarding=policy.onboarding_limit_months,
        clock=", ".join(_CLOCK[field][language] for field in policy.start_clock),
    )

"""Rules that a policy file may leave out: they are then disabled, so that older files stay valid."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from registry.freeze.contract_differences import CONTRACT_RULES
from registry.freeze.facts import CONFIRMABLE, OBJECT_COMMISSIONED
from registry.freeze.policy import ConfirmedFacts, RulePolicy, Wording

# The facts that count only when confirmed, for a draft that is based on a policy from before: as in the shipped one.
NEW_CONFIRMED_FACTS: Final = ConfirmedFacts(
    from_kzt=tuple((name, 100_000_000 if name == OBJECT_COMMISSIONED else 0) for name in CONFIRMABLE),
    framework_contract_months=12,
)
# Newer than some installations: the next draft of a policy that lacks them has them in use.
NEW_IN_DRAFTS: Final = frozenset(
    {
        *("freeze.modification-sum", "integrity.contradiction", "integrity.split-contract", "order.overdue"),
        "platform.idle",
        *CONTRACT_RULES,
    }
)
_ACT: Final = {"kk": "Тізілім саясаты", "ru": "Политика реестра", "en": "Policy of the registry"}
_COMPARED: Final = {
    "kk": "шарттың күні мен сомасы мемлекеттік сатып алу порталының деректерімен салыстырылады.",
    "ru": "дата и сумма договора сравниваются с данными портала государственных закупок.",
    "en": "the day and the sum of a contract are compared with the state procurement portal.",
}


_AI_LAW: Final = {
    "kk": "«Жасанды интеллект туралы» 2025 жылғы 17 қарашадағы Заң",
    "ru": "Закон «Об искусственном интеллекте» от 17 ноября 2025 года",
    "en": "Law on Artificial Intelligence of 17 November 2025",
}


def _disabled(
    severity: str,
    title: Mapping[str, str],
    remedy: Mapping[str, str],
    text: Mapping[str, str],
    act: Mapping[str, str] = _ACT,
) -> RulePolicy:
    wording = Wording(act=act, text=text, in_force_from=date(2026, 1, 18) if act is _AI_LAW else date(2026, 1, 1))
    return RulePolicy(False, severity, title, remedy, (wording,), kk_reviewed=False)


DISABLED_RULES: Final[Mapping[str, RulePolicy]] = {
    "freeze.modification-sum": _disabled(
        "medium",
        {
            "kk": "Бір объектінің модификациялары бірге алғанда шектен асады",
            "ru": "Модификации одного объекта вместе превышают предел",
            "en": "Modifications of one object together beyond the limit",
        },
        {
            "kk": "Жұмысты қосымша модификациялармен бөлмеңіз: оны QazTech платформасына көшіріңіз немесе тоқтатыңыз.",
            "ru": "Не дробите работы на модификации: перенесите их на QazTech или остановите.",
            "en": "Do not split the work into modifications: move it to QazTech or stop it.",
        },
        {
            "kk": "бір объектінің модификациялары шекпен бірге салыстырылады.",
            "ru": "модификации одного объекта сравниваются с пределом вместе.",
            "en": "modifications of one object are compared with the limit together.",
        },
    ),
    "integrity.contradiction": _disabled(
        "medium",
        {
            "kk": "Жазбадағы мәліметтер бір-біріне қайшы келеді",
            "ru": "Сведения записи противоречат друг другу",
            "en": "Statements that cannot be true together",
        },
        {
            "kk": "Қате мәліметті түзетіп, себебін көрсетіңіз. Бәрі дұрыс болса, растайтын құжатты тіркеңіз.",
            "ru": "Исправьте ошибочные сведения и укажите причину. Если всё верно, приложите подтверждающий документ.",
            "en": "Correct what is wrong and give the reason. If all of it is true, upload the document that shows it.",
        },
        {
            "kk": "жазбадағы мәліметтер бір-біріне қайшы келмейді.",
            "ru": "сведения записи не противоречат друг другу.",
            "en": "the statements of a record do not contradict each other.",
        },
    ),
    "integrity.split-contract": _disabled(
        "medium",
        {
            "kk": "Шарт бөліктерге бөлінген болуы мүмкін",
            "ru": "Договор, возможно, раздроблен",
            "en": "Contract possibly split",
        },
        {
            "kk": "Шарттар неге бөлек екенін түсіндіріп, оларды тіркеңіз немесе жұмысты бір жобаға біріктіріңіз.",
            "ru": "Объясните, почему договоры отдельные, и приложите их, или объедините работы в один проект.",
            "en": "Explain why the contracts are separate and upload them, or join the work in one project.",
        },
        {
            "kk": "бір объект бойынша бір өнім берушімен жасалған шарттар бірге қаралады.",
            "ru": "договоры с одним поставщиком по одному объекту рассматриваются вместе.",
            "en": "contracts with one supplier on one object are looked at together.",
        },
    ),
    "platform.idle": _disabled(
        "medium",
        {
            "kk": "Объект QazTech платформасында, бірақ онда ештеңе орнатылмайды",
            "ru": "Объект на QazTech, но на платформе ничего не развёртывается",
            "en": "On QazTech, but nothing is deployed there",
        },
        {
            "kk": "Объектіні платформада орнатыңыз немесе оның қайда істейтінін түсіндіріп, деректерді түзетіңіз.",
            "ru": "Разверните объект на платформе или объясните, где он работает, и исправьте сведения.",
            "en": "Deploy the object to the platform, or explain where it runs and correct the record.",
        },
        {
            "kk": "QazTech платформасында тұр деп расталған объект сонда дамытылады және орнатылады.",
            "ru": "объект, размещение которого на QazTech подтверждено, развивается и развёртывается там.",
            "en": "an object that is confirmed on QazTech is developed and deployed there.",
        },
    ),
    "order.overdue": _disabled(
        "high",
        {
            "kk": "Тоқтату немесе есептен шығару туралы нұсқаманың мерзімі өтіп кеткен",
            "ru": "Предписание о прекращении или списании просрочено",
            "en": "Order to stop or to write off overdue",
        },
        {
            "kk": "Жұмысты дереу тоқтатып, деректерді түзетіңіз де, тоқтатудың расталуын сұраңыз.",
            "ru": "Немедленно прекратите работы, исправьте сведения и запросите подтверждение прекращения.",
            "en": "Stop the work at once, correct the record and ask for the ending to be confirmed.",
        },
        {
            "kk": "нұсқама онда белгіленген мерзімде орындалады.",
            "ru": "предписание исполняется в установленный в нём срок.",
            "en": "an order is carried out by the date that it sets.",
        },
    ),
    "security.untested": _disabled(
        "medium",
        {
            "kk": "Ақпараттық қауіпсіздік сынағының оң қорытындысынсыз өнеркәсіптік пайдалану",
            "ru": "Промышленная эксплуатация без положительного заключения об испытаниях на безопасность",
            "en": "In operation without a positive security test",
        },
        {
            "kk": "Объектіні сынақтан өткізіп, оң қорытындының нөмірі мен күнін енгізіңіз.",
            "ru": "Проведите испытания и внесите номер и дату положительного заключения.",
            "en": "Have the object tested and enter the number and the date of the positive conclusion.",
        },
        {
            "kk": "объект сынақтың оң қорытындысы болғанда ғана өнеркәсіптік пайдалануға енгізіледі.",
            "ru": "объект вводится в промышленную эксплуатацию только при положительном заключении об испытаниях.",
            "en": "an object goes into operation only with a positive conclusion of security tests.",
        },
    ),
    "ai.incomplete": _disabled(
        "medium",
        {
            "kk": "ЖИ жүйесі туралы мәліметтер толық емес",
            "ru": "Сведения о системе ИИ неполные",
            "en": "Entry on the AI system incomplete",
        },
        {
            "kk": "ЖИ жүйесі туралы жетіспейтін мәліметтерді толтырыңыз.",
            "ru": "Заполните недостающие сведения о системе ИИ.",
            "en": "Complete the entry on the AI system.",
        },
        {
            "kk": "жасанды интеллект қолданатын әр жоба бойынша жүйе туралы мәліметтер көрсетіледі.",
            "ru": "по каждому проекту, который использует искусственный интеллект, указываются сведения о системе.",
            "en": "each project that uses artificial intelligence has an entry on its system.",
        },
        _AI_LAW,
    ),
    "ai.contradiction": _disabled(
        "medium",
        {
            "kk": "ЖИ жүйесі туралы мәліметтер бір-біріне қайшы келеді",
            "ru": "Сведения о системе ИИ противоречат друг другу",
            "en": "Entry on the AI system that contradicts itself",
        },
        {
            "kk": "Қате мәліметті түзетіңіз немесе жетіспейтінін қамтамасыз етіңіз: бақылау, сынақ, қарсылық тәртібі.",
            "ru": "Исправьте ошибочные сведения или обеспечьте недостающее: контроль, испытания, порядок возражений.",
            "en": "Correct what is wrong, or provide what is missing: oversight, tests, a way to object.",
        },
        {
            "kk": "ЖИ жүйесі туралы мәліметтер бір-біріне қайшы келмейді.",
            "ru": "сведения о системе ИИ не противоречат друг другу.",
            "en": "the statements on an AI system do not contradict each other.",
        },
        _AI_LAW,
    ),
    "ai.outdated": _disabled(
        "medium",
        {
            "kk": "ЖИ жүйесі туралы мәліметтер бір жылдан астам тексерілмеген",
            "ru": "Сведения о системе ИИ не проверялись больше года",
            "en": "Entry on the AI system older than a year",
        },
        {
            "kk": "ЖИ жүйесі туралы мәліметтерді тексеріп, қажет болса түзетіңіз және тексеру күнін көрсетіңіз.",
            "ru": "Проверьте сведения о системе ИИ, при необходимости исправьте их и укажите дату проверки.",
            "en": "Check the entry on the AI system, correct it where needed, and enter the date of the check.",
        },
        {
            "kk": "ЖИ жүйесі туралы мәліметтер жылына бір рет тексеріледі.",
            "ru": "сведения о системе ИИ проверяются раз в год.",
            "en": "the entry on an AI system is checked once a year.",
        },
        _AI_LAW,
    ),
    "integrity.unattested": _disabled(
        "low",
        {
            "kk": "Жазбаның дұрыстығы уақтылы расталмаған",
            "ru": "Достоверность записи не подтверждена в срок",
            "en": "Record not confirmed as still true",
        },
        {
            "kk": "Жазбаны тексеріп, қажет болса түзетіңіз де, дұрыс екенін растаңыз.",
            "ru": "Проверьте запись, при необходимости исправьте её и подтвердите, что она верна.",
            "en": "Check the record, correct it where needed, and confirm that it is true.",
        },
        {
            "kk": "ұйым өз жазбаларының әлі де дұрыс екенін мерзімді түрде растайды.",
            "ru": "организация периодически подтверждает, что её записи по-прежнему верны.",
            "en": "the agency confirms from time to time that its records are still true.",
        },
    ),
    "contract.signed-later": _disabled(
        "high",
        {
            "kk": "Шарт жазбада көрсетілгеннен кейін жасалған",
            "ru": "Договор заключён позже, чем указано в записи",
            "en": "Contract signed later than recorded",
        },
        {
            "kk": "Айырманы істе түсіндіріп, шартты тіркеңіз: жазбаны түзету бұл ескертпені алып тастамайды. Қате "
            "порталда болса, оны сонда түзетіңіз. Шарт басқа жобаға қатысты болса, хабарлаңыз.",
            "ru": "Объясните расхождение в деле и приложите договор: правка записи не снимет это замечание. Если "
            "ошибка на портале, исправьте её там. Если договор относится к другому проекту, сообщите об этом.",
            "en": "Explain the difference in the case and upload the contract: no edit of the record ends this flag. "
            "If the portal is wrong, have it corrected there. If the contract is for another project, say so.",
        },
        _COMPARED,
    ),
    "contract.sum-above-budget": _disabled(
        "medium",
        {
            "kk": "Порталдағы шарттардың сомасы бюджеттен асады",
            "ru": "Сумма договоров на портале превышает бюджет",
            "en": "Contracts on the portal above the budget",
        },
        {
            "kk": "Айырманы істе түсіндіріңіз: бюджетті түзету бұл ескертпені алып тастамайды. Қате порталда болса, "
            "оны сонда түзетіңіз. Шарт басқа жобаға қатысты болса, хабарлаңыз.",
            "ru": "Объясните расхождение в деле: правка бюджета не снимет это замечание. Если ошибка на портале, "
            "исправьте её там. Если договор относится к другому проекту, сообщите об этом.",
            "en": "Explain the difference in the case: no edit of the budget ends this flag. If the portal is wrong, "
            "have it corrected there. If a contract is for another project, say so.",
        },
        _COMPARED,
    ),
    "contract.raised-after-cutoff": _disabled(
        "medium",
        {
            "kk": "Мораторий басталғаннан кейін шарттың сомасы ұлғайтылған",
            "ru": "Сумма договора увеличена после начала моратория",
            "en": "Contract raised after the freeze began",
        },
        {
            "kk": "Соманың не үшін ұлғайтылғанын істе түсіндіріп, қосымша келісімді тіркеңіз. Қате порталда болса, "
            "оны сонда түзетіңіз.",
            "ru": "Объясните в деле, за что увеличена сумма, и приложите дополнительное соглашение. Если ошибка на "
            "портале, исправьте её там.",
            "en": "Explain in the case what the sum was raised for and upload the amendment. If the portal is wrong, "
            "have it corrected there.",
        },
        {
            "kk": "шарт сомасының өзгерістері мемлекеттік сатып алу порталы бойынша қаралады.",
            "ru": "изменения суммы договора рассматриваются по данным портала государственных закупок.",
            "en": "changes of a contract's sum are looked at by the state procurement portal.",
        },
    ),
    "contract.split": _disabled(
        "medium",
        {
            "kk": "Порталдағы шарт бөліктерге бөлінген болуы мүмкін",
            "ru": "Договор на портале, возможно, раздроблен",
            "en": "Contract on the portal possibly split",
        },
        {
            "kk": "Шарттардың неге бөлек жасалғанын істе түсіндіріп, оларды тіркеңіз. Олардың бірі басқа жобаға "
            "қатысты болса, хабарлаңыз.",
            "ru": "Объясните в деле, почему заключены отдельные договоры, и приложите их. Если один из них относится "
            "к другому проекту, сообщите об этом.",
            "en": "Explain in the case why the contracts are separate and upload them. If one of them is for another "
            "project, say so.",
        },
        {
            "kk": "порталдағы бір жұмысқа арналған шарттар бірге қаралады.",
            "ru": "договоры портала на одну работу рассматриваются вместе.",
            "en": "contracts on the portal for one work are looked at together.",
        },
    ),
}

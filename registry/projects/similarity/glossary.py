"""Glossary: words of state projects that mean the same in Kazakh, Russian and English, one meaning a line.

A line needs one form of each word: ``fingerprints.py`` compares beginnings, so that inflected forms are the same word.
"""

from __future__ import annotations

from typing import Final

# Words that say how a project is done or what kind of object it makes, not what it is about: they hardly count.
COMMON: Final = """
ақпараттық информационная information
автоматтандырылған автоматизированная automated
жүйе система system
жүйесі систем systems
жоба проект project
платформа platform
портал portal
тізілім реестр registry register
деректер данные data
база базы базасы database
мәліметтер сведения
бағдарлама программа program
бағдарламалық программное software
қамтамасыз обеспечение
құру создание creation create build building
әзірлеу разработка development develop
дамыту развитие
жаңғырту модернизация modernization upgrade modernize
жетілдіру совершенствование enhancement improvement
енгізу внедрение deployment implementation rollout
сүйемелдеу сопровождение maintenance support
қолдау поддержка
кеңейту расширение expansion
өрістету развертывание deploy
пайдалану эксплуатация operation operations operational
қызмет услуга service services
жұмыс работа work
бірыңғай единая unified single integrated
республика республики republic
облыс область region regional
аудан район district
қала город city
қазақстан казахстан kazakhstan
кезең этап phase stage
бөлік часть part
лот lot
шығарылым релиз release
нұсқа версия version
мен және бен пен и в во на по для с со от из к о об при до
үшін арналған бойынша туралы арқылы
of the for and to in on a an with by at from
"""

SAME: Final = """
мемлекеттік государственный state government national
электрондық электронный electronic
цифрлық цифровой digital
тізбе перечень list
кадастр cadastre
қойма хранилище warehouse repository
кезек очередь queue
жәдігер экспонат exhibit
жабдық оборудование equipment
қызметкер сотрудник работник staff personnel employee
есеп учёт accounting
есептілік отчётность reporting report
бақылау контроль control
мониторинг monitoring
басқару управление management
талдау анализ аналитика analysis analytics
тіркеу регистрация registration
жоспарлау планирование planning
алмасу обмен exchange
болжау прогноз прогнозирование forecast forecasting
тексеру проверка inspection
зерттеу исследование research
сақтау хранение storage
өңдеу обработка processing
хабарлау оповещение notification warning
түгендеу инвентаризация inventory
құжат документ document
айналым оборот
мұрағат архив archive
денсаулық здоровье здравоохранение health
медицина медицинский medical
аурухана больница hospital
емхана поликлиника clinic polyclinic
дәрі лекарство drug medicine
науқас пациент patient
қан кровь blood
жедел скорый экстренный emergency
жәрдем помощь aid
білім образование education educational
мектеп школа school
балабақша детсад kindergarten
мұғалім учитель teacher
оқушы ученик student pupil
тамақ питание nutrition food
жер земля земельный land
учаске участок plot
су вода водный water
ресурс resource
орман лес лесной forest
қор фонд fund
жол дорога дорожный road
қозғалыс движение traffic
көлік транспорт vehicle transport
әуе воздушный авиация air aviation flight
теміржол железнодорожный railway
көпір мост bridge
әлеуметтік социальный social
төлем выплата платёж payment benefit
зейнетақы пенсия пенсионный pension
жәрдемақы пособие
еңбек труд трудовой labor labour
жұмыспен занятость employment
шарт договор контракт contract
сатып закупка procurement acquisition purchase
салық налог налоговый tax
кеден таможня таможенный customs
бюджет budget
қаржы финансы финансовый finance financial
қазынашылық казначейство treasury
шығын расход cost
сот суд судебный court
іс дело case
қылмыс преступление уголовный crime criminal
құқық право правовой law legal
полиция police
әскери военный воинский military
қорғаныс оборона defense defence
шекара граница пограничный border
көші миграция миграционный migration immigration
виза visa
төлқұжат паспорт passport
азамат гражданин civil citizen
халық население population
санақ перепись census
статистика statistics
сайлау выборы election
ауыл село сельский rural
ауылшаруашылық сельскохозяйственный agriculture agricultural
мал животное скот livestock animal
өсімдік растение plant
ветеринария ветеринарный veterinary
экология экологический environmental environment
ауа атмосфера weather atmosphere
климат climate
қалдық отходы waste
рұқсат разрешение permit permission
лицензия licence license
энергетика энергия energy power
қуат мощность
электр электроэнергия
мұнай нефть oil
газ gas
тау горный mining
жеркойнауы недра subsoil
геология геологический geological geology
сейсмика сейсмический seismic earthquake
өрт пожар fire
қауіпсіздік безопасность security safety
төтенше чрезвычайный
апат авария accident disaster
ғылым наука научный science scientific
ғарыш космос космический space
мәдениет культура culture cultural
мұражай музей museum
кітапхана библиотека library
спорт sport
туризм tourism
тұрғын жилище жилищный housing
үй дом house
құрылыс строительство construction
нысан объект object facility
ғимарат здание building
байланыс связь communication communications
желі сеть network
байланыстар телекоммуникация telecommunications
инфрақұрылым инфраструктура infrastructure
сервер server
орталық центр центральный center centre central
қолжетімділік доступ access
сәйкестендіру идентификация identity identification
қолтаңба подпись signature
өтініш заявление обращение application request
шағым жалоба complaint
кадр кадровый hr
оқыту обучение training learning
сынақ тестирование test testing
бейне видео video
карта map card
сурет изображение image imaging
серіктік спутник спутниковый satellite
жерсерік спутник
іздеу поиск search
тасымал перевозка freight
жүк груз cargo
жолаушы пассажир passenger
тауар товар goods
сауда торговля trade
баға цена price
сапа качество quality
стандарт standard
тауар product
патент patent
тауарбелгі trademark
кәсіпкер предприниматель business enterprise
бизнес business
ұйым организация organization organisation
шетел иностранный foreign
халықаралық международный international
сыртқы внешний external
ішкі внутренний internal
қорытынды заключение conclusion
келісім согласование approval
қарыз кредит заём loan
сақтандыру страхование insurance
банк bank
ақы плата fee
жалақы зарплата payroll
тарих история history
оқиға событие event incident
шақыру вызов call
мобильді мобильный mobile
қосымша приложение app
қашықтан дистанционный remote
жоғары высший higher high
ауыстыру замена replacement renewal
көшіру перенос миграция migration migrate
жаңарту обновление update refresh
орнату установка installation
тарату распространение dissemination distribution
жеткізу поставка supply delivery
тізбегі цепочка chain
логистика logistics
қаржы финансовый financial
әдіс способ method
уақыт время time
сақталған сохранённый stored
төлеуші плательщик payer
шот счёт account
желілік сетевой network
тұтыну потребительский consumer
индекс index
көмек помощь assistance
үйлестіру координация coordination
қадағалау отслеживание tracking
құқықтар права rights
орын место place
кешенді комплексный integrated complex
дайындау изготовление подготовка production
баж пошлина duty fee
мердігер подрядчик contractor
талап требование requirement
жылы году year
кеңсе делопроизводство office
дербестендіру персонализация personalization
бөгет плотина dam
жерүсті наземный ground
телефон телефонный telephone
бағыттау маршрутизация routing
шешім решение solution
жағалау береговой coast
күзет охрана guard
жетілдірілген улучшение improved
буын поколение generation
жаңа новый new
келесі следующий next
кіші малый small
ірі крупный large
"""

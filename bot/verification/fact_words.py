"""The words of numbers, months and units in English, German, Spanish, French, Russian and Chinese."""

_MONTH_NAMES = (
    "january jan januar jänner enero ene janvier января январь янв",
    "february feb februar febrero février февраля февраль фев",
    "march mar märz marzo mars марта март",
    "april apr abril abr avril апреля апрель апр",
    "may mai mayo мая май",
    "june jun juni junio juin июня июнь июн",
    "july jul juli julio juillet июля июль июл",
    "august aug agosto ago août августа август авг",
    "september sept sep septiembre septembre сентября сентябрь сен сент",
    "october oct oktober okt octubre octobre октября октябрь окт",
    "november nov noviembre novembre ноября ноябрь ноя",
    "december dec dezember dez diciembre dic décembre déc декабря декабрь дек",
)
MONTHS = {word: number for number, words in enumerate(_MONTH_NAMES, 1) for word in words.split()}
"""A month's name, in small letters, to its number."""

_WEEKDAY_NAMES = (
    "monday mondays montag montags lunes lundi понедельник понедельника понедельникам 周一 星期一 礼拜一",
    "tuesday tuesdays dienstag dienstags martes mardi вторник вторника вторникам 周二 星期二 礼拜二",
    "wednesday wednesdays mittwoch mittwochs miércoles mercredi среда среду среды средам 周三 星期三 礼拜三",
    "thursday thursdays donnerstag donnerstags jueves jeudi четверг четверга четвергам 周四 星期四 礼拜四",
    "friday fridays freitag freitags viernes vendredi пятница пятницу пятницы пятницам 周五 星期五 礼拜五",
    "saturday saturdays samstag samstags sábado sábados samedi суббота субботу субботы субботам 周六 星期六 礼拜六",
    "sunday sundays sonntag sonntags domingo domingos dimanche воскресенье воскресенья 周日 星期日 星期天",
)
WEEKDAYS = {word: number for number, words in enumerate(_WEEKDAY_NAMES, 1) for word in words.split()}
"""A weekday's name, in small letters, to its number, Monday's being 1."""

_WEEKDAY_SIGNS = ("Mon Mo Пн", "Tue Di Вт", "Wed Mi Ср", "Thu Do Чт", "Fri Fr Пт", "Sat Sa Сб", "Sun So Вс")
WEEKDAY_SIGNS = {sign: number for number, signs in enumerate(_WEEKDAY_SIGNS, 1) for sign in signs.split()}
"""Abbreviations, which count only as they are written here."""

EVERY_WORKDAY = r"\b(?:week|work)days?\b|(?<!\d )\b(?:werktag|wochentag)\w*|\ben semaine\b|\bбудн\w+|(?<![个\d])工作日"
EVERY_DAY = r"\b(?:daily|every day|täglich|jeden tag|todos los días|tous les jours|ежедневно)\b|每天|每日|全年无休|24/7"

FREE = (
    r"\bfree\b|\b(?:no|without) (?:extra |additional )?(?:costs?|charges?|fees?)\b|\bcomplimentary\b"
    r"|\bkostenlos\w*|\bkostenfrei\w*|\bgratis\w*|\bumsonst\b|\bgratuit\w*|\bsin (?:coste|costo|cargo)\b"
    r"|\bsans frais\b|\bбесплатн\w+|免费|包邮|无需付费"
)
"""What costs nothing: as weighty as a price."""

_NUMBER_NAMES = (
    "one ein eine einen einem einer un una uno une один одна одно одну одного",
    "two zwei dos deux два две двух двумя",
    "three drei tres trois три трёх трех",
    "four vier cuatro quatre четыре четырёх четырех",
    "five fünf cinco cinq пять пяти",
    "six sechs seis шесть шести",
    "seven sieben siete sept семь семи",
    "eight acht ocho huit восемь восьми",
    "nine neun nueve neuf девять девяти",
    "ten zehn diez dix десять десяти",
    "eleven elf once onze одиннадцать одиннадцати",
    "twelve zwölf doce douze двенадцать двенадцати",
)
NUMBERS = {word: number for number, words in enumerate(_NUMBER_NAMES, 1) for word in words.split()}
"""A number's name, in small letters, to its value."""

AMBIGUOUS_NUMBERS = frozenset(_NUMBER_NAMES[0].split()) | {"sept", "neuf", "once"}
"""Names that are as often an article, a month, or a word of another language."""

CHINESE_NUMBERS = dict(zip("一二三四五六七八九十两", (*range(1, 11), 2), strict=True))

MAGNITUDES = {
    "million": 10**6,
    "millions": 10**6,
    "millionen": 10**6,
    "mio": 10**6,
    "millón": 10**6,
    "millones": 10**6,
    "млн": 10**6,
    "миллион": 10**6,
    "миллиона": 10**6,
    "миллионов": 10**6,
    "billion": 10**9,
    "milliarden": 10**9,
    "milliards": 10**9,
    "млрд": 10**9,
    "thousand": 10**3,
    "тыс": 10**3,
    "тысяч": 10**3,
    "万": 10**4,
    "亿": 10**8,
}

UNITS = {
    "workday": r"(?:business|working)[ -]days?\b|werktag\w*|arbeitstag\w*|рабоч\w+ (?:дн\w+|день)"
    r"|jours? ouvr\w+|d[ií]as? (?:h[aá]biles|laborables)|个?工作日",
    "minute": r"min(?:s|ute[sn]?|utos?)?\b|минут\w*|мин\b|分钟",
    "second": r"sec(?:ond)?s?\b|sek(?:unden?)?\b|segundos?\b|secondes?\b|секунд\w*|秒",
    "hour": r"h\b|hrs?\b|hours?\b|stunden?\b|std\b|horas?\b|heures?\b|час(?:а|ов|ам|ах)?\b|ч\b|个?小时",
    "day": r"days?\b|tage?n?\b|tägig\w*|d[ií]as?\b|jours?\b|день\b|дн(?:я|ей|ям|ях)\b|сут\w+|天|日",
    "week": r"weeks?\b|wochen?\b|semanas?\b|semaines?\b|недел\w+|个?星期|周",
    "month": r"months?\b|monate?n?\b|mes(?:es)?\b|mois\b|месяц\w*|个月",
    "year": r"years?\b|jahre?n?\b|años?\b|ans?\b|années?\b|год(?:а|у|ов|ом|ах)?\b|лет\b|г\b|年",
    "percent": r"%|percent\b|per cent\b|prozent\b|por ciento\b|pour cent\b|процент\w*",
    "eur": r"€|eur(?:os?)?\b|евро\b|欧元",
    "usd": r"(?:us)?\$|usd\b|dollars?\b|d[oó]lar(?:es)?\b|доллар\w*|美元",
    "gbp": r"£|gbp\b|pounds?\b",
    "cny": r"¥|cny\b|rmb\b|yuan\b|元|块|人民币|юан\w+",
    "rub": r"₽|rub\b|руб\w*",
    "chf": r"chf\b|franken\b",
    "kilobyte": r"k(?:i?b|o)\b|кб\b",
    "megabyte": r"m(?:i?b|o)\b|мб\b",
    "gigabyte": r"g(?:i?b|o)\b|гб\b",
    "terabyte": r"t(?:i?b|o)\b|тб\b",
    "kilogram": r"kg\b|kilos?\b|kilograms?\b|кг\b|公斤|千克",
    "gram": r"g\b|gram(?:s|m|os|mes)?\b|克",
    "kilometre": r"km\b|kilomet\w+|км\b|公里|千米",
    "centimetre": r"cm\b|см\b|厘米",
    "millimetre": r"mm\b|мм\b|毫米",
    "metre": r"m\b|met(?:re|er|ro)s?\b|м\b|米",
    "litre": r"l\b|lit(?:re|er|ro)s?\b|л\b|升",
    "celsius": r"°c\b|°\B|°",
}
"""A unit's name to what it is written as, behind a number."""

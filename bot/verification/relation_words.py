"""Words by which a true sentence turns into a wrong one, in English, German, Spanish, French, Russian and Chinese."""

import re

ONLY = re.compile(
    r"\b(?:only|solely|exclusively|nur|ausschließlich|lediglich|s[oó]lo|solamente|únicamente|exclusivamente"
    r"|seulement|uniquement|exclusivement|только|лишь|исключительно)\b|(?<![不])[只仅]",
    re.IGNORECASE,
)
ALWAYS = re.compile(
    r"\b(?:all|every(?! (?:day|week|month|year|time|\d))|always|everyone|everything|entirely|immer"
    r"|alle[nrsm]?|sämtliche\w*"
    r"|jede[nrsm]?(?! (?:tag|woche|monat|jahr))|siempre|tod[oa]s(?! los)|toujours|tou(?:s"
    r"|tes)(?! les)|всегда|все|всех"
    r"|любо\w+)\b|所有|全部|总是|始终|任何|每个|每一",
    re.IGNORECASE,
)
MUST = re.compile(
    r"\b(?:must|have to|has to|required?|requires|mandatory|obligatory|necessary|müssen|muss|musst"
    r"|müsst|erforderlich|"
    r"verpflichtend|notwendig|pflicht|deben?|debes|obligatori[oa]s?|necesari[oa]s?|necesitas?|tienes? que|hay que"
    r"|doit|doivent|devez|dois|obligatoires?|nécessaires?|il faut|должн\w+|обязан\w*|обязательн\w+"
    r"|необходим\w*|нужно"
    r"|требу\w+)\b|必须|务必|需要|须|强制",
    re.IGNORECASE,
)
MAY = re.compile(
    r"\b(?:may|might|can|could|optional(?:ly)?|if you (?:like|want|wish)|kann|kannst|können|könnt"
    r"|darf|dürfen|optional"
    r"|puede[ns]?|podrá\w*|opcional\w*|peut|peuvent|pouvez|facultati\w+|може\w+|можно|по желанию)\b"
    r"|可以|可选|也可|能(?!力|量)",
    re.IGNORECASE,
)
USUALLY = re.compile(
    r"\b(?:usually|typically|generally|normally|often|sometimes|mostly|in most cases|normalerweise"
    r"|meist\w*|oft|manchmal"
    r"|in der regel|gewöhnlich|normalmente|generalmente|a menudo|a veces|por lo general|habituellement|généralement"
    r"|souvent|parfois|en général|обычно|часто|иногда|как правило)\b|通常|一般|往往|有时",
    re.IGNORECASE,
)
AT_LEAST = re.compile(
    r"(?:\b(?:at least|no less than|not less than|more than|over|above|minimum(?: of)?|mindestens"
    r"|wenigstens|mehr als|über"
    r"|al menos|como mínimo|más de|por lo menos|au moins|plus de|minimum|не менее|не меньше|более"
    r"|больше|свыше|минимум)\b"
    r"|至少|不少于|超过|最少|起码) ?(?:\W|the |an? )?$",
    re.IGNORECASE,
)
AT_MOST = re.compile(
    r"(?:\b(?:at most|no more than|not more than|up to|less than|under|below|fewer than|within"
    r"|maximum(?: of)?|höchstens"
    r"|maximal|bis zu|weniger als|unter|innerhalb von|binnen|como máximo|hasta|menos de|dentro de"
    r"|en un plazo de|au plus"
    r"|jusqu'à|moins de|dans les|sous|maximum|не более|не больше|до|менее|меньше|в течение|максимум)\b"
    r"|最多|不超过|至多|少于|低于|高达|最长) ?(?:\W|the |an? )?$",
    re.IGNORECASE,
)
AT_LEAST_BEHIND = re.compile(
    r"^[^\d.;:!?。]{0,24}?(?:\b(?:or (?:more|older|longer|above|over)|and (?:up|above|over|older)"
    r"|upwards?|oder (?:mehr|älter"
    r"|länger)|o más|y más|ou plus|et plus|или (?:более|больше|старше))\b|以上|起|或以上)",
    re.IGNORECASE,
)
AT_MOST_BEHIND = re.compile(
    r"^[^\d.;:!?。]{0,24}?(?:\b(?:or (?:less|fewer|younger|below)|and (?:under|below)"
    r"|oder (?:weniger|jünger)|o menos"
    r"|ou moins|или (?:менее|меньше))\b|以内|之内|以下|内)",
    re.IGNORECASE,
)
CLAUSE_END = re.compile(
    r"[;；。，、]\s*|,(?!\d)\s*|:(?!\d)\s+|\s(?:and|but|while|whereas|und|aber|sowie|y|e|pero|mientras"
    r"|et|mais|tandis que"
    r"|и|а|но)\s|(?:而|但|和(?!平))",
    re.IGNORECASE,
)
YES_OR_NO = re.compile(
    r"(?:yes|no|yeah|sure|of course|ja|nein|natürlich|sí|no|claro|oui|non|bien sûr|да|нет|конечно"
    r"|是的?|不是的?|可以|不可以|不行|能|不能|对|没有|有)\s?[,.!:，。！：]\s*(?=\w)",
    re.IGNORECASE,
)

OPPOSITES = (
    ("free", "paid"),
    ("open(?:s|ed)?", "closed?|closes|shut"),
    ("before", "after"),
    ("includ\\w+", "exclud\\w+"),
    ("allow(?:s|ed)?|permit(?:s|ted)?", "forbid(?:s|den)?|prohibit(?:s|ed)?|ban(?:s|ned)?"),
    ("increas\\w+|ris(?:es?|ing)|rose|rais\\w+", "decreas\\w+|f[ae]ll(?:s|ing|en)?|drop\\w*|lower(?:s|ed)?|reduc\\w+"),
    ("first", "last"),
    ("minimum|least", "maximum|most"),
    ("weekdays?", "weekends?"),
    ("public", "private|internal"),
    ("cheaper", "dearer|(?:more )?expensive"),
    ("longer|longest", "shorter|shortest"),
    ("larger|largest|bigger|biggest|higher|highest", "smaller|smallest|lower|lowest"),
    ("geöffnet|offen", "geschlossen"),
    ("vor", "nach"),
    ("kostenlos\\w*|gratis", "kostenpflichtig\\w*"),
    ("abiert\\w+", "cerrad\\w+"),
    ("antes", "después"),
    ("inclu\\w+", "exclu\\w+"),
    ("ouvert\\w*", "fermé\\w*"),
    ("avant", "après"),
    ("gratuit\\w*", "payant\\w*"),
    ("открыт\\w*", "закрыт\\w*"),
    ("бесплатн\\w+", "платн\\w+"),
    ("первы\\w+", "последн\\w+"),
    ("免费", "收费|付费"),
    ("营业", "休息|关门|不营业"),
    ("之前|以前", "之后|以后"),
    ("包括|包含", "不包括|不包含|不含"),
)
"""Pairs that can't both be true of the same thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intents import asks_for_person, phrase_language, small_talk
from bot.texts import LANGUAGES, catalogue, text

ASKS = {
    "en": [
        "I want to talk to a person",
        "can i speak to a human please",
        "agent",
        "Human please!",
        "let me speak with someone",
        "I'd like to chat with a real person.",
        "Please connect me to an agent",
        "transfer me to customer service",
        "get me a human",
        "I need a real human",
        "how do I talk to a live agent?",
        "Is there a real person I can talk to?",
        "I would rather talk to one of your team members",
        "This is useless, I want to speak to a manager",
        "My bike is broken. Can I talk to someone about it?",
        "I don't want a bot, I want a human",
        "put me through to support",
        "representative!!!",
        "I dont want to talk to a bot, give me a person",
        "could you escalate this to a human",
        "can a human look at this?",
        "Are you a robot? I want to talk to a human.",
        "Are you a person? No? Then connect me to a person.",
    ],
    "zh": [
        "转人工",
        "我要转人工！",
        "人工客服",
        "请帮我转接人工客服",
        "我想和真人说话",
        "能不能找个真人跟我聊",
        "我要找客服",
        "可以让我跟工作人员沟通吗",
        "人工",
        "有真人吗",
        "不要机器人，我要人工",
        "接人工服务谢谢",
        "麻煩轉人工",
        "我需要人工客服帮忙",
        "车坏了，转人工",
        "能人工回复吗",
    ],
    "ru": [
        "позовите оператора",
        "хочу поговорить с человеком",
        "Соедините меня с оператором, пожалуйста",
        "оператор",
        "Переключите на живого человека",
        "можно пообщаться с менеджером?",
        "нужен живой человек",
        "Дайте мне оператора!",
        "как связаться с оператором",
        "Здравствуйте, я хочу поговорить с живым сотрудником",
        "свяжите меня с вашим специалистом",
        "есть тут живые люди?",
        "переведите меня на оператора",
        "оператора пожалуйста",
        "с человеком соедините",
        "Хочу, чтобы мне ответил человек",
    ],
    "de": [
        "ich möchte mit einem Mitarbeiter sprechen",
        "Mitarbeiter bitte",
        "Kann ich mit einem Menschen reden?",
        "Verbinden Sie mich bitte mit dem Kundenservice",
        "ich will einen echten Menschen",
        "ich moechte mit jemandem sprechen",
        "Könnte ich bitte jemanden sprechen?",
        "Ich brauche einen Mitarbeiter!",
        "mensch",
        "Ich würde gerne mit einer Kollegin aus Ihrem Team sprechen",
        "gibt es hier einen Menschen?",
        "Ist da jemand, mit dem ich reden kann? Ich will mit einer echten Person schreiben",
        "Bitte leiten Sie mich an einen Berater weiter",
        "Ich möchte mit einem Mitarbeiter verbunden werden",
    ],
    "es": [
        "quiero hablar con una persona",
        "hablar con un agente",
        "Páseme con un operador, por favor",
        "necesito un humano",
        "agente",
        "¿Puedo hablar con alguien de su equipo?",
        "quiero que me atienda una persona",
        "persona real por favor",
        "me gustaría chatear con un asesor",
        "pasame con atención al cliente",
        "¿hay alguien ahí?",
        "prefiero hablar con un ser humano",
        "Necesito comunicarme con un representante",
        "humano por favor",
    ],
    "fr": [
        "je veux parler à un conseiller",
        "parler a un humain",
        "Mettez-moi en relation avec un agent, s'il vous plaît",
        "Je voudrais parler à quelqu’un",
        "un conseiller svp",
        "Passez-moi une vraie personne",
        "j'aimerais discuter avec une personne de chez vous",
        "puis-je être mis en contact avec votre service client ?",
        "je veux un humain !",
        "agent humain",
        "Y a-t-il quelqu'un ?",
        "j'ai besoin d'un conseiller",
        "transférez-moi vers un opérateur",
        "je veux parler a qqn",
        "pouvez-vous me passer un conseiller ?",
        "est-ce que je peux échanger avec un membre de votre équipe",
    ],
}

DOES_NOT_ASK = {
    "en": [
        "How many people work here?",
        "Can a person bring a dog?",
        "human resources contact?",
        "Am I talking to a real person?",
        "Are you a human?",
        "are u a real person",
        "Do you have a manager?",
        "Do I need to speak to someone to return my bike?",
        "I don't want to talk to a person",
        "Can one person carry the cargo bike?",
        "What is the maximum weight per person?",
        "I spoke to an agent yesterday and he promised a refund",
        "Does the bike need an operator licence?",
        "Which person signs the rental contract?",
        "What are the opening hours of customer service?",
        "Can someone else pick up my bike?",
        "Is a travel agent discount available?",
        "Can I add a second person to the rental?",
        "What does your support phone cost?",
        "I want a bike for a tall person",
        "Do you transfer the warranty to another owner?",
        "I need someone's old battery recycled, how?",
        "Can an employee get a discount?",
        "can I return a bike at a person's home",
        "When will an agent reply?",
    ],
    "zh": [
        "维修人工费是多少？",
        "换电池要人工费吗",
        "你是真人吗",
        "我是在跟真人聊天吗",
        "人工客服几点上班？",
        "你是人工智能吗",
        "不要转人工",
        "一个人能搬动货运车吗",
        "有多少工作人员？",
        "客服电话是多少",
        "不用人工，谢谢",
        "包含人工成本吗",
        "可以两个人骑吗",
        "客服的工作时间？",
        "需要人工安装吗",
        "我想租车，需要联系客服吗",
    ],
    "ru": [
        "Сколько человек у вас работает?",
        "Вы живой человек?",
        "это настоящий человек?",
        "Это бот или человек?",
        "Какая максимальная нагрузка на человека?",
        "Какой оператор связи нужен для трекера?",
        "Нужно ли говорить с сотрудником, чтобы вернуть велосипед?",
        "Не хочу говорить с оператором",
        "Человек весом 120 кг может ездить?",
        "Вчера я говорил с менеджером, он обещал возврат",
        "велосипед на двух человек есть?",
        "Можно ли записать на человека младше 18?",
        "Есть ли у вас менеджер по аренде?",
    ],
    "de": [
        "Wie viele Mitarbeiter haben Sie?",
        "Spreche ich mit einem Menschen?",
        "Sind Sie ein echter Mensch?",
        "Kann eine Person mit 120 kg damit fahren?",
        "Muss ich mit einem Mitarbeiter sprechen, um das Rad zurückzugeben?",
        "Ich möchte nicht mit einem Mitarbeiter sprechen",
        "Wann ist der Kundendienst erreichbar?",
        "Gibt es einen Rabatt für Mitarbeiter?",
        "Kann jemand anderes mein Rad abholen?",
        "Was kostet der Service?",
        "Ich habe gestern mit einem Kollegen gesprochen",
        "Kann ich mit zwei Personen fahren?",
    ],
    "es": [
        "¿Cuántas personas trabajan aquí?",
        "¿Estoy hablando con una persona?",
        "¿Eres humano?",
        "eres una persona real?",
        "¿Puede una persona de 120 kg usarla?",
        "¿Tengo que hablar con alguien para devolver la bici?",
        "No quiero hablar con un agente",
        "¿Puede otra persona recoger mi pedido?",
        "Ayer hablé con un agente y no me ayudó",
        "¿Cuál es el horario de atención al cliente?",
        "quiero una bici para una persona alta",
        "¿Cuánto cuesta por persona?",
    ],
    "fr": [
        "Combien de personnes travaillent chez vous ?",
        "Est-ce que je parle à une vraie personne ?",
        "Êtes-vous une vraie personne, ou un robot qui répond à ma question ?",
        "Une personne de 120 kg peut-elle rouler avec ?",
        "Dois-je parler à un conseiller pour rendre le vélo ?",
        "Je ne veux pas parler à un conseiller",
        "Une autre personne peut-elle récupérer ma commande ?",
        "Quels sont les horaires du service client ?",
        "J'ai parlé à un agent hier",
        "C'est combien par personne ?",
        "je voudrais un vélo pour une personne de grande taille",
    ],
}

SMALL_TALK = [
    ("greeting", "en", "hi"),
    ("greeting", "en", "Hello there!"),
    ("greeting", "en", "heyyyy 👋"),
    ("greeting", "en", "Good morning, how are you?"),
    ("greeting", "zh", "你好"),
    ("greeting", "zh", "您好，在吗？"),
    ("greeting", "zh", "客服在吗"),
    ("greeting", "ru", "Здравствуйте!"),
    ("greeting", "ru", "Всем привет, добрый день"),
    ("greeting", "de", "Grüß Gott"),
    ("greeting", "de", "Guten Tag zusammen!"),
    ("greeting", "es", "hola"),
    ("greeting", "es", "¡Hola! Buenos dias"),
    ("greeting", "fr", "Bonjour madame"),
    ("greeting", "fr", "slt ça va ?"),
    ("thanks", "en", "ok thanks"),
    ("thanks", "en", "Thank you so much!!!"),
    ("thanks", "en", "great, that helps 👍"),
    ("thanks", "zh", "好的，谢谢您的帮助！"),
    ("thanks", "zh", "谢谢啦"),
    ("thanks", "ru", "спс"),
    ("thanks", "ru", "Понятно, спасибо большое!"),
    ("thanks", "de", "Alles klar, vielen Dank!"),
    ("thanks", "de", "dankeee"),
    ("thanks", "es", "vale, muchas gracias"),
    ("thanks", "fr", "d’accord merci beaucoup"),
    ("thanks", "fr", "merci"),
    ("goodbye", "en", "thanks, bye!"),
    ("goodbye", "en", "That's all for now, have a nice day"),
    ("goodbye", "zh", "谢谢，再见"),
    ("goodbye", "zh", "拜拜"),
    ("goodbye", "ru", "Спасибо, до свидания"),
    ("goodbye", "de", "Danke, tschüss"),
    ("goodbye", "de", "schönen Tag noch!"),
    ("goodbye", "es", "gracias, adios"),
    ("goodbye", "fr", "Merci, bonne journée !"),
]

MORE_THAN_SMALL_TALK = [
    "hi, how long is the warranty?",
    "thanks, but what about the battery?",
    "good morning delivery?",
    "thank you note included?",
    "hello kitty bike",
    "high",
    "ok",
    "yes",
    "no",
    "👍",
    "",
    "?",
    "你好，请问保修多久？",
    "谢谢，那电池呢",
    "好的",
    "привет, сколько стоит аренда?",
    "спасибо не помогло",
    "Hallo, was kostet das?",
    "Dankeskarte",
    "hola, cuanto cuesta",
    "gracias pero no",
    "bonjour, vous livrez en suisse ?",
    "merci de me rembourser",
]


def pairs(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(language, message) for language, messages in table.items() for message in messages]


@pytest.mark.parametrize(("language", "message"), pairs(ASKS))
def test_a_plain_request_for_a_person_is_heard(language: str, message: str) -> None:
    assert asks_for_person(message)
    assert phrase_language(message) == language


@pytest.mark.parametrize("message", [message for _, message in pairs(DOES_NOT_ASK)])
def test_a_message_about_people_is_no_request(message: str) -> None:
    assert not asks_for_person(message)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_that_the_help_text_suggests_do_call_a_person(language: str) -> None:
    suggested = text("help", language).rstrip("»”“。. ").replace("“", "„").replace("«", "„").split("„")[-1]
    assert asks_for_person(suggested)


@pytest.mark.parametrize(("kind", "language", "message"), SMALL_TALK)
def test_small_talk_is_recognised_with_its_language(kind: str, language: str, message: str) -> None:
    assert (small_talk(message), phrase_language(message)) == (kind, language)


@pytest.mark.parametrize("message", MORE_THAN_SMALL_TALK)
def test_a_message_that_says_more_is_no_small_talk(message: str) -> None:
    assert small_talk(message) is None


@pytest.mark.parametrize("kind", ["greeting", "thanks", "goodbye"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_of_every_catalogue_is_recognised(language: str, kind: str) -> None:
    for phrase in catalogue(language)["small_talk"][kind]:
        assert small_talk(phrase) is not None, phrase


@pytest.mark.parametrize("kind", ["greeting", "thanks", "goodbye"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_small_talk_has_a_reply(language: str, kind: str) -> None:
    assert text(f"{kind}_reply", language)


@pytest.mark.parametrize("message", ["谢谢" * 5000, "ok " * 5000, "talk to a " * 5000, "с " * 5000, "не хочу " * 5000])
def test_a_very_long_message_is_harmless(message: str) -> None:
    assert small_talk(message) is None
    assert not asks_for_person(message)


@given(st.text())
def test_any_text_is_taken(message: str) -> None:
    assert small_talk(message) in (None, "greeting", "thanks", "goodbye")
    assert asks_for_person(message) in (True, False)

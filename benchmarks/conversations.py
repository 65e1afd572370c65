"""Seeded synthetic conversations for the benchmarks: an Xbox help desk in several scripts."""

import json
from pathlib import Path
from random import Random
from typing import Any

_WORDS = {
    "en": (
        *("console", "controller", "update", "restart", "settings", "network"),
        *("account", "subscription", "download", "game", "disc", "screen"),
        *("cable", "router", "battery", "pairing", "button", "light"),
        *("error", "message", "support", "wait", "minutes", "the"),
        *("a", "your", "then", "please", "try", "again"),
        *("after", "before", "under", "press", "hold", "release"),
        *("choose", "sign", "in", "out", "storage", "full"),
        *("delete", "move", "copy", "play", "offline", "online"),
        *("friend", "party", "voice", "headset", "volume", "cloud"),
    ),
    "hi": (
        *("कंसोल", "नियंत्रक", "अपडेट", "पुनः", "आरंभ", "सेटिंग"),
        *("नेटवर्क", "खाता", "सदस्यता", "डाउनलोड", "खेल", "डिस्क"),
        *("स्क्रीन", "केबल", "राउटर", "बैटरी", "बटन", "रोशनी"),
        *("त्रुटि", "संदेश", "सहायता", "मिनट", "कृपया", "दोबारा"),
        *("प्रयास", "करें", "दबाएँ", "रोकें", "छोड़ें", "चुनें"),
        *("भंडारण", "हटाएँ", "आवाज़"),
    ),
    "ja": (
        *("本体", "コントローラー", "更新", "再起動", "設定", "ネットワーク"),
        *("アカウント", "登録", "ダウンロード", "ゲーム", "ディスク", "画面"),
        *("ケーブル", "ルーター", "電池", "ボタン", "点灯", "エラー"),
        *("メッセージ", "サポート", "数分", "もう一度", "押す", "離す"),
        *("選ぶ", "削除", "移動", "音声"),
    ),
    "ru": (
        *("консоль", "геймпад", "обновление", "перезапуск", "настройки", "сеть"),
        *("аккаунт", "подписка", "загрузка", "игра", "диск", "экран"),
        *("кабель", "роутер", "батарея", "кнопка", "индикатор", "ошибка"),
        *("сообщение", "поддержка", "минут", "попробуйте", "нажмите"),
    ),
    "ar": (
        *("جهاز", "وحدة", "التحكم", "تحديث", "إعادة", "تشغيل"),
        *("إعدادات", "شبكة", "حساب", "اشتراك", "تنزيل", "لعبة"),
        *("قرص", "شاشة", "كابل", "بطارية", "زر", "ضوء"),
        *("خطأ", "رسالة", "دعم", "دقائق", "حاول", "مرة"),
        *("أخرى", "اضغط", "اختر", "حذف", "نقل", "صوت"),
    ),
}
_EMOJI = ("🎮", "🙂", "👍🏽", "👩‍👩‍👧", "🔋", *("",) * 75)
_SYSTEM = (
    "You are an Xbox support agent. Answer shortly and kindly.",
    "You help players of a console. If you don't know, say so.",
)


def write_conversations(
    path: Path, count: int, *, seed: int = 1, duplicates: float = 0.02, edited: float = 0.0
) -> Path:
    r"""Write `count` conversations of about 1 KB, 2 to 7 messages, a third of them not plain ASCII.

    Half of the lines are written with \\u escapes, 2 % repeat an earlier line. A share of them may
    be edited: an earlier conversation, of which each message has another word or two.
    """
    random = Random(seed)
    written: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            if written and random.random() < duplicates:
                line = random.choice(written)
            elif written and random.random() < edited:
                line = json.dumps(_edited(random, json.loads(random.choice(written))))
            else:
                line = json.dumps(_conversation(random, number), ensure_ascii=random.random() < 0.5)
                if len(written) < 1000:
                    written.append(line)
            file.write(line + "\n")
    return path


def _edited(random: Random, conversation: dict[str, Any]) -> dict[str, Any]:
    for message in conversation["messages"]:
        words = message["content"].split(" ")
        for _ in range(random.randint(1, 2) if message["role"] != "system" else 0):
            words[random.randrange(len(words))] = random.choice(_WORDS["en"])
        message["content"] = " ".join(words)
    return conversation


def _conversation(random: Random, number: int) -> dict[str, object]:
    language = random.choices(list(_WORDS), weights=(70, 8, 8, 7, 7))[0]
    words = _WORDS[language]
    messages = []
    if random.random() < 0.7:
        messages.append({"role": "system", "content": random.choice(_SYSTEM)})
    for turn in range(random.choice((1, 1, 2, 2, 3))):
        question = " ".join(random.choices(words, k=random.randint(6, 22)))
        answer = " ".join(random.choices(words, k=random.randint(15, 50)))
        messages.append({"role": "user", "content": f"{question}? ({number}.{turn})"})
        messages.append({"role": "assistant", "content": f"{answer}. {random.choice(_EMOJI)}"})
    return {"messages": messages}

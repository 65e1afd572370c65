"""The language that data is written in, told by script and commonest words."""

import pytest

from jobs.dataset.language import language_of, languages_of
from jobs.spec.grid import languages, trials


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("My controller keeps disconnecting. What can I do?", "en"),
        ("El mando se desconecta y no sé qué hacer con la consola.", "es"),
        ("Der Controller trennt sich immer, was kann ich tun?", "de"),
        ("La manette se déconnecte et je ne sais pas quoi faire.", "fr"),
        ("मेरो खाता कसरी खोल्ने? पासवर्ड बिर्सेको छ।", "ne"),
        ("मेरा खाता कैसे खोलें? पासवर्ड भूल गया हूँ और यह नहीं खुलता है।", "hi"),
        ("كيف يمكن أن أفتح الحساب من هذا الجهاز؟", "ar"),
        ("จอยเกมหลุดบ่อย", ""),
        ("Il controller si scollega sempre, cosa posso fare?", ""),
        ("42", ""),
        ("", ""),
    ],
)
def test_a_text_is_in_the_language_it_is_in(text: str, language: str) -> None:
    assert language_of(text) == language


def test_data_is_in_every_language_that_a_good_part_of_it_is_in() -> None:
    english, german = "What is the price of it?", "Was ist der Preis und wie viel kostet es?"
    assert languages_of([german, german, english]) == ("de", "en")
    assert languages_of([german] * 50 + [english]) == ("de",)
    assert languages_of(["จอยเกมหลุดบ่อย"]) == ()
    assert languages_of([]) == ()


def test_the_built_in_questions_are_in_the_languages_that_they_say() -> None:
    for code in languages():
        said = " ".join(t.prompt for t in trials(among={code}) if not t.wrapper)
        assert language_of(said) == code

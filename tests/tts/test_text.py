"""The text before it is said: cleaned, cut into pieces, and told by its script."""

import pytest

from w2l.errors import W2LError
from w2l.tts import text
from w2l.tts.text import SCRIPTS, check_readable, cleaned, language_of, pieces

KNOWN = {"en", "fr", "ru", "uk", "nb"}
LOCALES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture(autouse=True)
def no_locale(monkeypatch):
    for name in LOCALES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(text.locale, "getlocale", lambda: (None, None))


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("Hello", "en"),
        ("12:30", "en"),
        ("你好,世界 hello", "cmn"),
        ("日本語です", "ja"),
        ("コーヒー", "ja"),
        ("안녕하세요", "ko"),
        ("Привет, мир", "ru"),
        ("Привіт, їжаче", "uk"),
        ("Ђорђе", "sr"),
        ("مرحبا", "ar"),
        ("پنجره", "fa"),
        ("नमस्ते", "hi"),
        ("Καλημέρα", "el"),
        ("שלום", "he"),
        ("สวัสดี", "th"),
        ("გამარჯობა", "ka"),
        ("Hello to my old friend 王 in the town", "en"),
        ("ｈｅｌｌｏ", "en"),
    ],
)
def test_the_language_is_told_by_the_script(words, language):
    assert language_of(words, KNOWN) == language


@pytest.mark.parametrize(
    ("variable", "value", "words", "language"),
    [
        ("LANG", "fr_CH.UTF-8", "Bonjour", "fr-ch"),
        ("LANG", "en_US.UTF-8", "Hello", "en-us"),
        ("LANGUAGE", "fr:en", "Bonjour", "fr"),
        ("LC_ALL", "uk_UA.UTF-8", "Мама", "uk-ua"),
        ("LANG", "uk_UA.UTF-8", "Hello", "en"),  # Ukrainian is not written in Latin letters
        ("LANG", "uk_UA.UTF-8", "שלום", "he"),
        ("LANG", "C.UTF-8", "Hello", "en"),
        ("LANG", "xx_XX", "Hello", "en"),
        ("LANG", "no_NO", "Hei", "nb-no"),
        ("LANG", "German_Austria.1252", "Hallo", "en"),  # German is not among the voices of this test
        ("LANG", "French_France.1252", "Salut", "fr"),
        ("LANG", "zh_TW.UTF-8", "你好", "cmn-tw"),
    ],
)
def test_the_users_language_comes_first_where_it_is_written_so(monkeypatch, variable, value, words, language):
    monkeypatch.setenv(variable, value)
    assert language_of(words, KNOWN) == language


def test_a_script_that_no_voice_reads_gets_a_sentence():
    with pytest.raises(
        W2LError, match=r"^the text is written in Khmer letters, which no voice of espeak-ng reads; give "
    ):
        language_of("សួស្តី", KNOWN)


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        ("en", "Привет", r"cannot read Cyrillic letters \(Привет\); give a voice that does \(ru, uk, .*\)\.$"),
        ("ja", "漢字を読む", r"cannot read kanji \(漢字読\); write them in kana\.$"),
        ("fr", "ខ្មែរ", r"cannot read Khmer letters .*; give a Piper voice that does\.$"),
    ],
)
def test_letters_that_a_voice_cannot_read_are_refused(code, words, told):
    with pytest.raises(W2LError, match=told):
        check_readable(words, code)


def test_a_few_of_them_get_a_note():
    told = check_readable("My old friend Ян will come to see us all in the evening", "en")
    assert told == "the voice en cannot read Cyrillic letters (Ян), of which the text holds a few."
    assert check_readable("Привет, hello", "ru") == check_readable("ok 123", "en-gb") == ""


def test_what_is_no_text_is_left_out():
    assert cleaned("a\x01 5S\x00b\udcff 😀\u200b c\ufeff") == "a  5S b    c"
    assert "[[" not in cleaned("[[h@l'oU]] [[[x")
    assert cleaned("می‌خواهم") == "می‌خواهم"  # its joiner is spelling
    for empty in ("", "  \n", "...", "😀", "\x07"):
        with pytest.raises(W2LError, match="holds no word that can be said"):
            cleaned(empty)
    with pytest.raises(W2LError, match="has 100001 characters, and at most 100000"):
        cleaned("a" * 100_001)


@pytest.mark.parametrize(
    "words", ["One. Two, three; four? Five six! " * 40, "你好。世界，" * 300, "ab" * 2000, "x\n\ny " * 300]
)
def test_pieces_are_short_and_lose_nothing(words):
    made = list(pieces(words, 100))
    assert all(0 < len(piece) <= 100 for piece in made)
    assert "".join("".join(made).split()) == "".join(words.split())
    assert list(pieces("All of it.", 100)) == ["All of it."]


def test_pieces_end_where_sentences_do():
    made = list(pieces("One two three. Four five six. Seven eight nine.", 20))
    assert made == ["One two three.", "Four five six.", "Seven eight nine."]
    assert list(pieces("one two three, four five six", 20)) == ["one two three,", "four five six"]


def test_the_table_names_each_language_in_lower_case():
    assert all(code == code.lower() and codes for codes in SCRIPTS.values() for code in codes)

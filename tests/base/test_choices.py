"""A choice declared once: what its field says, and the documentation made of it."""

from dataclasses import dataclass, replace

import pytest

from w2l.base.choices import choice, choices_of, documented, seconds_of, whole_number, yes_or_no
from w2l.errors import W2LError


@documented
@dataclass(frozen=True)
class Cake:
    """How a cake is made."""

    layers: int = choice(2, "how many layers", parse=whole_number, group="the dough")
    filling: str = choice("cream", "what is between them", choices=("cream", "jam"), group="the dough")
    candles: int | None = choice(None, "candles on top", default_help="one a year")
    names: list[str] = choice([], "whose cake it is")
    secret: int = 7


def test_defaults_and_documentation():
    assert Cake() == Cake(2, "cream", None, [], 7)
    assert Cake().names is not Cake().names
    assert replace(Cake(), layers=3).layers == 3
    assert list(choices_of(Cake)) == ["layers", "filling", "candles", "names"]
    assert Cake.__doc__ == (
        "How a cake is made.\n\nThe dough:\n  layers: how many layers (default: 2).\n"
        "  filling: what is between them; one of cream, jam (default: 'cream').\n\n"
        "  candles: candles on top (default: one a year).\n  names: whose cake it is (default: [])."
    )


def test_words_become_values():
    assert whole_number("12") == 12
    assert [yes_or_no(text) for text in ("Yes", "1", "no", "FALSE")] == [True, True, False, False]
    for parse, text in ((whole_number, "0"), (whole_number, "-1"), (whole_number, "many"), (yes_or_no, "perhaps")):
        with pytest.raises(W2LError, match=text):
            parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("75.5", 75.5), ("1:15.5", 75.5), ("01:02:03", 3723.0), ("0:00", 0.0), ("90", 90.0), ("-3", -3.0)],
)
def test_times_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1:75", "1:2:3:4", ":5", "1:", "-1:05", "1.5:00"])
def test_what_is_no_time(text):
    with pytest.raises(W2LError, match=r"is not a time: give seconds, such as 75\.5, or minutes"):
        seconds_of(text)

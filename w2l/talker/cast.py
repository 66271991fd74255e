"""Who the synthetic talkers are: the choices that a corpus, a training and an evaluation share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from w2l.base.choices import choice, documented, yes_or_no
from w2l.errors import W2LError

if TYPE_CHECKING:
    from w2l.talker.photo.people import People, Person

VOICES = ("formant", "mixed", "natural")
LOOKS = ("drawn", "photo", "mixed")
_MIXED = 5


def _read_people(place: str) -> People:
    from w2l.talker.photo.people import read_people

    return read_people(place)


@documented
@dataclass(frozen=True)
class Cast:
    """Who the synthetic talkers are, how they sound and how they move the mouth.

    Voices ``formant`` are the kit's own synthesiser; with ``mixed``, every second talker speaks one of many languages
    through espeak-ng, which must be installed, and three out of four are heard through a room and a microphone. With
    ``natural``, talkers have in turn the kit's own voice, one of espeak-ng, and one of Flite, learned from a real
    person's; both must be installed, and five out of six are heard through a room and a microphone.

    With looks ``mixed``, one in five is drawn and the others are photographic. The talkers of a split have the faces of
    its people in turn.
    Raises W2LError for other voices or looks.
    """

    voices: str = choice("formant", "how they sound", choices=VOICES)
    looks: str = choice("mixed", "what they look like", choices=LOOKS)
    people: People | None = choice(
        None,
        "the faces of the photographic talkers: a people pack, or a folder of photographs with .tem landmarks",
        parse=_read_people,
        metavar="PACK",
        default_help="the bundled faces, which are nobody's own",
    )
    manner: bool | None = choice(
        None,
        "whether the mouth also moves in ways that the sound does not tell (`manner.Manner`), yes or no",
        parse=yes_or_no,
        metavar="YES/NO",
        default_help="yes for photographic talkers, no for drawn ones",
    )

    def __post_init__(self) -> None:
        for what, given, known in (("voices", self.voices, VOICES), ("looks", self.looks, LOOKS)):
            if given not in known:
                raise W2LError(f"there are no {what} {given!r}; choose one of {', '.join(known)}.")

    def facts(self) -> dict[str, str]:
        """What a report says about them."""
        facts = {"voices": self.voices, "looks": self.looks}
        if self.looks != "drawn":
            facts["people"] = self.faces().fingerprint()
        return facts if self.manner is None else facts | {"manner": "yes" if self.manner else "no"}

    def faces(self) -> People:
        """The people whose faces the photographic talkers have."""
        from w2l.talker.photo.people import bundled_people

        return bundled_people() if self.people is None else self.people

    def person(self, split: str, number: int) -> Person | None:
        """Whose photograph a talker has: in turn, so that everybody of the split appears; None for a drawn one.

        Who was under age when photographed is passed over. Raises W2LError when nobody belongs to the split.
        """
        if self.looks == "drawn" or (self.looks == "mixed" and number % _MIXED == _MIXED - 1):
            return None
        from w2l.talker.photo.people import under_age

        people = self.faces()
        of_split = people.of(split)
        turn = number - number // _MIXED if self.looks == "mixed" else number
        in_turn = (of_split[k % len(of_split)] for k in range(turn, turn + len(of_split)))
        grown_up = next((k for k in in_turn if not under_age(people.names[k])), None)
        if grown_up is None:
            raise W2LError(f"everybody of the {split} split was under 18 when photographed; add photographs of others.")
        return people.person(grown_up)


DEFAULT_CAST = Cast()

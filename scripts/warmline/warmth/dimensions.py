"""The dimensions of social perception that SocioT measures: whose words a text could be.

The words and how the public code makes them into openings are those of HumT DumT (Cheng, Yu and Jurafsky, ACL 2025):
`compute_humt_sociot.py` in https://github.com/myracheng/humtdumt.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Dimension:
    """Two poles, each with openings of a sentence that ends in a quotation.

    `high_as_published` are the public code's openings where they are not those of the measure's description.
    """

    poles: tuple[str, str]
    high: tuple[str, ...]
    low: tuple[str, ...]
    high_as_published: tuple[str, ...]


def _dimension(poles: tuple[str, str], high: tuple[str, ...], low: tuple[str, ...]) -> Dimension:
    return Dimension(poles, high, low, high_as_published=high)


DIMENSIONS = {
    # The article prints "My" for all four warm nouns; the public code has it for the friend alone.
    "warmth": Dimension(
        ("warm", "cold"),
        ("My friend said", "My lover said", "My mentor said", "My idol said"),
        ("The stranger said", "The enemy said", "The examiner said", "The dictator said"),
        high_as_published=("My friend said", "The lover said", "The mentor said", "The idol said"),
    ),
    "status": _dimension(
        ("superior", "inferior"),
        ("He commanded", "He proclaimed", "He demanded"),
        ("He pleaded", "He mentioned", "He asked"),
    ),
    "social_distance": _dimension(
        ("close", "distant"),
        tuple(f"My {who} said" for who in ("friend", "partner", "girlfriend", "boyfriend", "husband", "wife")),
        ("The stranger said",),
    ),
    "gender": _dimension(("feminine", "masculine"), ("She said",), ("He said",)),
    "humt": _dimension(("human", "thing"), ("He said", "She said"), ("It said",)),
}
WARMTH = DIMENSIONS["warmth"]

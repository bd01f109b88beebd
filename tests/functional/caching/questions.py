"""Own questions of three services with their answers: each intent in several wordings, so that the truth is known."""

from __future__ import annotations

import random
from typing import NamedTuple

SERVICES: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "library": (
        ("library card", "audio book", "study room", "microfilm reader", "inter-library loan", "map collection",
         "children's corner", "reading lamp"),
        {
            "get": ("How do I get the {}?", "Where would I go for the {}?", "what do I have to do to obtain the {}",
                    "I would like to have the {}, what now?"),
            "price": ("How much is the {}?", "What does the {} cost?", "is there a fee for the {}",
                      "the price of the {}, please?"),
            "broken": ("The {} is broken, whom do I tell?", "Where can I report damage to the {}?",
                       "something is wrong with the {}, what shall I do", "The {} does not work any longer"),
            "hours": ("At what time of day is the {} available?", "Opening hours for the {}?",
                      "when can one use the {}", "On which days may I use the {}?"),
        },
    ),
    "town hall": (
        ("parking permit", "dog licence", "building plan", "market stall", "birth certificate", "garden waste bin",
         "street party", "moving notice"),
        {
            "apply": ("How do I apply for a {}?", "Where is the form for a {}?", "what does one hand in for a {}",
                      "Which office takes requests about a {}?"),
            "duration": ("How long is a {} valid?", "When does a {} run out?", "for what period does a {} hold",
                         "After how many months is a {} over?"),
            "papers": ("Which papers do I bring for a {}?", "What documents does a {} take?",
                       "do I need my passport for a {}", "The things to have with me for a {}?"),
            "status": ("What has become of my {}?", "Has my {} been decided on yet?",
                       "where does my {} stand at present", "I have heard nothing about my {} so far"),
        },
    ),
    "bicycle shop": (
        ("front brake", "dynamo", "chain guard", "rear wheel", "saddle post", "bottle holder", "child seat",
         "gear cable"),
        {
            "fit": ("How do I fit a {}?", "What is the way to mount a {}?", "putting a {} on the bicycle, how",
                    "Can somebody explain the fitting of a {}?"),
            "choose": ("Which {} suits my bicycle?", "What kind of {} should I buy?", "help me to choose a {}",
                       "Is there one {} that you would recommend?"),
            "clean": ("How is a {} cleaned?", "What takes the dirt off a {}?", "best way to clean a {}",
                      "My {} is filthy, what do I wash it with?"),
            "noise": ("Why does my {} make a noise?", "The {} squeaks, what is the reason?",
                      "strange sounds from the {}", "What can I do about a {} that rattles?"),
        },
    ),
}  # fmt: skip
DESKS = ("the front desk", "the blue counter", "the second floor", "the side entrance", "the old hall")
PAPERS = ("a passport", "a letter with your address", "a receipt", "two photographs", "nothing at all")


class Question(NamedTuple):
    """One wording of an intent."""

    service: str
    intent: str
    text: str


def questions() -> list[Question]:
    """All wordings of all intents."""
    return [
        Question(service, f"{service}/{action}/{thing}", way.format(thing))
        for service, (things, actions) in SERVICES.items()
        for action, ways in actions.items()
        for thing in things
        for way in ways
    ]


def answer(intent: str, chance: random.Random) -> str:
    """What is true of an intent, in one of the ways to put it that a model has: order and courtesy."""
    own = random.Random(intent)
    _, action, thing = intent.split("/")
    parts = [
        f"About the {thing} ({action}) they know at {own.choice(DESKS)}.",
        f"It takes {own.randint(2, 60)} days and costs {own.randint(1, 90)} euros.",
        f"Bring {own.choice(PAPERS)} with you.",
    ]
    said = " ".join(chance.sample(parts, len(parts)))
    return f"{chance.choice(('', 'Sure! ', 'Certainly: '))}{said}{chance.choice(('', ' I hope this helps!'))}"

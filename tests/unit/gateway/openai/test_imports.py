import subprocess
import sys
from pathlib import Path

HEAVY = {"asyncio", "base64", "boto3", "botocore", "email", "http.client", "logging", "ssl", "urllib.request", "uuid"}
LAMBDAS = Path(__file__).parents[4] / "lambdas"


def test_decoding_and_encoding_load_nothing_that_a_cold_start_would_feel():
    # msgspec itself loads some modules: what counts is what comes on top of it.
    program = (
        f"import sys; sys.path.insert(0, {str(LAMBDAS)!r}); import msgspec; before = set(sys.modules)\n"
        "import slipstream.gateway.openai.chat, slipstream.gateway.openai.embeddings\n"
        "print('\\n'.join(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "slipstream.gateway.openai.chat" in loaded
    assert HEAVY.isdisjoint(loaded)

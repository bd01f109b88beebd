"""The soak finds chunks that went astray: every stream has a text of its own, and each is compared with its own."""

from __future__ import annotations

import asyncio

import pytest

from bench.load import SSE_TEXT, Sample, Target, closed_loop
from bench.overhead import TOKENS
from bench.soak import MOST_STREAMS, judged, question, sentence
from local.bedrock import extract, tokens

SENTENCES = [sentence(0), sentence(1)]


def answered(client: int, pieces: list[str]) -> Sample:
    return Sample(token_ms=[1.0] * len(pieces), total_ms=2.0, text="".join(pieces).encode(), client=client)


def wrong(*samples: Sample) -> int:
    return int(judged(samples, SENTENCES)["wrong_texts"])


def test_streams_that_got_their_own_sentences_are_right() -> None:
    assert wrong(*(answered(client, tokens.pieces(text)) for client, text in enumerate(SENTENCES))) == 0


def test_a_chunk_that_two_streams_swapped_makes_both_texts_wrong() -> None:
    first, second = (tokens.pieces(text) for text in SENTENCES)
    first[7], second[7] = second[7], first[7]

    assert wrong(answered(0, first), answered(1, second)) == 2


def test_whole_texts_that_two_streams_swapped_are_both_wrong() -> None:
    first, second = (tokens.pieces(text) for text in SENTENCES)

    assert wrong(answered(0, second), answered(1, first)) == 2


@pytest.mark.parametrize("places", [(3, 2), (2, 2, 3), (3,)], ids=["out of order", "doubled", "lost"])
def test_a_chunk_of_the_own_stream_in_the_wrong_place_makes_the_text_wrong(places: tuple[int, ...]) -> None:
    pieces = tokens.pieces(SENTENCES[0])

    assert wrong(answered(0, [*pieces[:2], *(pieces[at] for at in places), *pieces[4:]])) == 1


def test_no_chunk_of_any_stream_is_also_one_of_another() -> None:
    words = [word for number in range(MOST_STREAMS) for word in sentence(number).rstrip(".").split()]

    assert len(set(words)) == len(words)


def test_the_model_service_answers_each_prompt_with_its_sentence_in_as_many_tokens_as_are_counted() -> None:
    for number in range(MOST_STREAMS):
        prompt = question(sentence(number))

        assert extract.answer(prompt, prompt) == sentence(number)
        assert len(tokens.pieces(sentence(number))) == TOKENS


def test_each_client_of_a_loop_keeps_to_its_own_request_and_says_which_it_is() -> None:
    both_asked = asyncio.Barrier(2)
    served: set[asyncio.Task[None] | None] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        while asked := (await reader.readline()).decode().strip():
            await both_asked.wait()
            body = f'data: {{"content":"{asked}"}}'
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()
        await writer.wait_closed()

    async def ask() -> list[Sample]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            targets = [Target(name, "127.0.0.1", port, f"{name}\n".encode(), SSE_TEXT) for name in ("zero", "one")]
            samples = await closed_loop(targets, concurrency=2, requests=4)
            await asyncio.gather(*(task for task in served if task))
            return samples

    samples = asyncio.run(ask())

    assert {(s.client, s.text) for s in samples} == {(0, b"zero"), (1, b"one")}

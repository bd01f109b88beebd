from hypothesis import given
from hypothesis import strategies as st

from slipstream.chat.request import Text, ToolResult, ToolUse
from tests.unit.gateway.openai.played import turns
from tests.unit.gateway.openai.test_request import answering, call, calling, user

TEXTS = st.sampled_from(["", " ", "\n", "a", "bb", " c "])
INSTRUCTIONS = TEXTS.map(lambda text: [{"role": "system", "content": text}])
ASSISTANT = TEXTS.map(lambda text: [{"role": "assistant", "content": text}])
USER = TEXTS.filter(str.strip).map(lambda text: [user(text)])


@st.composite
def exchanges(draw):
    """A message with calls, and the answers to them in any order."""
    ids = draw(st.lists(st.sampled_from("pqrs"), min_size=1, max_size=3, unique=True))
    answers = [answering(call_id, draw(TEXTS)) for call_id in draw(st.permutations(ids))]
    return [calling(*(call(call_id) for call_id in ids), content=draw(TEXTS)), *answers]


CONVERSATIONS = st.tuples(
    INSTRUCTIONS, USER, st.lists(st.one_of(USER, ASSISTANT, INSTRUCTIONS, exchanges()), max_size=8)
).map(lambda drawn: [*drawn[0], *drawn[1], *(message for part in drawn[2] for message in part)])


@given(CONVERSATIONS)
def test_turns_alternate_and_a_user_begins(messages):
    roles = [turn.role for turn in turns(messages).messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)


@given(CONVERSATIONS)
def test_no_turn_is_empty_and_no_text_is_blank(messages):
    request = turns(messages)
    for parts in (request.system, *(turn.content for turn in request.messages)):
        texts = [part.text for part in parts if isinstance(part, Text)]
        texts += [inner.text for part in parts if isinstance(part, ToolResult) for inner in part.content]
        assert all(text.strip() for text in texts)
    assert all(turn.content for turn in request.messages)


@given(CONVERSATIONS)
def test_no_words_are_lost_and_their_order_stays(messages):
    request = turns(messages)
    said = [part.text for turn in request.messages for part in turn.content if isinstance(part, Text)]
    kept = [m["content"] for m in messages if m["role"] in ("user", "assistant") and (m["content"] or "").strip()]
    assert said == kept


@given(CONVERSATIONS)
def test_every_call_is_answered_in_the_turn_after_it(messages):
    taken = turns(messages).messages
    for turn, following in zip(taken, [*taken[1:], None], strict=True):
        called = sorted(part.id for part in turn.content if isinstance(part, ToolUse))
        if called:
            assert following is not None
            answered = [part.id for part in following.content if isinstance(part, ToolResult)]
            assert sorted(answered) == called
            assert [type(part) for part in following.content[: len(answered)]] == [ToolResult] * len(answered)

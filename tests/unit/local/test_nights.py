from local.nights import a_day_older

DAY_S = 86_400


def test_times_of_an_answer_are_a_day_earlier_and_its_lengths_as_they_were() -> None:
    item = {
        "pk": {"S": "owner#a"},
        "sk": {"S": "key"},
        "created_s": {"N": "1795651200.25"},
        "ttl_s": {"N": "1795741200"},
        "lives_s": {"N": "93600"},
        "entry_id": {"S": "01M8B3K6JJZ9491PM16BKE4003"},
    }
    older = a_day_older(item)
    assert older["created_s"] == {"N": "1795564800.25"}
    assert older["ttl_s"] == {"N": str(1795741200 - DAY_S)}
    assert {name: older[name] for name in ("pk", "sk", "lives_s", "entry_id")} == {
        name: item[name] for name in ("pk", "sk", "lives_s", "entry_id")
    }


def test_what_was_counted_today_was_counted_yesterday_across_months_too() -> None:
    count = {"pk": {"S": "asked-count#ns#family"}, "sk": {"S": "2027-01-01#5f"}, "impressions": {"N": "3"}}
    assert a_day_older(count) == {**count, "sk": {"S": "2026-12-31#5f"}}


def test_other_keys_that_begin_with_a_day_stay() -> None:
    mark = {"pk": {"S": "mark#2027"}, "sk": {"S": "2027-01-01#5f"}}
    assert a_day_older(mark) == mark

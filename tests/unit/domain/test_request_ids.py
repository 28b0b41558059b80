from __future__ import annotations

import re
import time

from regard.domain.request_ids import new_request_id


def test_an_id_has_the_form_of_awss_and_is_never_the_same() -> None:
    made = [new_request_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    form = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(form.fullmatch(each) for each in made)


def test_a_later_id_stands_after_an_earlier_one() -> None:
    made = []
    for _ in range(20):
        made.append(new_request_id())
        time.sleep(0.002)
    assert made == sorted(made)

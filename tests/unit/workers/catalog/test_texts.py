"""Searching joined texts against searching each."""

from hypothesis import given
from hypothesis import strategies as st

from workers.catalog import texts as module
from workers.catalog.texts import Texts

pieces = st.text("abé\U0001d11e \n", max_size=6)


@given(
    changes=st.lists(st.tuples(st.integers(0, 12), pieces), max_size=40),
    words=st.lists(st.text("abé\U0001d11e", min_size=1, max_size=3), max_size=5),
)
def test_a_word_is_found_where_it_is(changes: list[tuple[int, str]], words: list[str]) -> None:
    texts, plain = Texts(), list[str]()
    for place, text in changes:
        slot = min(place, len(plain))
        plain[slot : slot + 1] = [text]
        texts.put(slot, text)
        for word in words:
            assert texts.having(word).tolist() == [word in one for one in plain]


def test_words_are_found_in_every_block_and_never_across_two_texts() -> None:
    n = 2 * module._BLOCK + 3
    texts = Texts()
    for slot in range(n):
        texts.put(slot, f"no{slot} ab")
    assert texts.having("bno").sum() == 0
    assert texts.having("ab").all()
    assert texts.having(f"no{n - 1}").nonzero()[0].tolist() == [n - 1]

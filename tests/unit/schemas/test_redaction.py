import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.redaction import redacted


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://example.org/a/b.mp3", "https://example.org/a/b.mp3"),
        ("https://me:secret@example.org/b.mp3", "https://***@example.org/b.mp3"),
        ("https://token@example.org:8080/b.mp3", "https://***@example.org:8080/b.mp3"),
        ("https://me:a@b@example.org/b.mp3", "https://***@example.org/b.mp3"),
        ("https://me:pass/word@example.org/b.mp3", "https://***@example.org/b.mp3"),
        ("//me:secret@example.org/b.mp3", "//***@example.org/b.mp3"),
        ("me:secret@example.org", "***@example.org"),
        ("https://example.org/@artist/b.mp3", "https://example.org/@artist/b.mp3"),
        ("https://[::1]:80/@artist/b.mp3", "https://[::1]:80/@artist/b.mp3"),
        ("file:///music/a:b@c.mp3", "file:///music/a:b@c.mp3"),
        (
            "https://s3.example.org/b.mp3?X-Amz-Signature=abc&X-Amz-Date=1",
            "https://s3.example.org/b.mp3?X-Amz-Signature=***&X-Amz-Date=***",
        ),
        ("https://example.org/b.mp3?secret", "https://example.org/b.mp3?***"),
        ("https://example.org/b.mp3?a=b=c?d", "https://example.org/b.mp3?a=***"),
        ("https://example.org/b.mp3?a=b#c=d", "https://example.org/b.mp3?a=***#***"),
        ("https://example.org/b.mp3#access_token=d", "https://example.org/b.mp3#***"),
        ("https://example.org/b.mp3?", "https://example.org/b.mp3?"),
        ("https://example.org/\x1b[31m\r\nforged", "https://example.org/\ufffd[31m\ufffd\ufffdforged"),
        ("", ""),
    ],
)
def test_redacted_hides_user_query_values_and_fragment(uri: str, shown: str) -> None:
    assert redacted(uri) == shown


@given(st.text())
def test_redacted_takes_any_text_and_redacts_no_further_the_second_time(text: str) -> None:
    once = redacted(text)

    assert redacted(once) == once
    assert not any(ord(character) < 32 for character in once)

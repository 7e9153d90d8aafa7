from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UriRefusedError
from shared.settings.media import MediaSettings
from workers.extractor.sources.doors import FilePlace, S3Place, WebPlace, address_fault, place_of, redirected

OPEN = MediaSettings()


def a_web_place(uri: str) -> WebPlace:
    place = place_of(uri, OPEN)
    assert isinstance(place, WebPlace)
    return place


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "music.mp3",
        "/etc/passwd",
        "//example.org/a.mp3",
        "ftp://example.org/a.mp3",
        "gopher://example.org/",
        "data:audio/wav;base64,UklGRg==",
        "concat:file:///etc/passwd|file:///etc/hosts",
        "javascript:alert(1)",
        " https://example.org/",
        "https://example.org/a\r\nHost: evil.example",
        "https://example.org/a\x00.mp3",
        "https://example.org\\@evil.example/",
        "https://user@pass@example.org/",
        "https:///a.mp3",
        "https://",
        "https:a.mp3",
        "https://:443/",
        "https://example.org:/",
        "https://example.org:0/",
        "https://example.org:65536/",
        "https://example.org:http/",
        "https://exa mple.org/",
        "https://example..org/",
        "https://-example.org/",
        "https://%31%32%37.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.256/",
        "http://1.2.3.4.5/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://[not:an:address]/",
        "http://[v1.fe80]/",
        "https://ex\u2100mple.org/",
        "https://\ud800.org/",
        "file:music.mp3",
        "file://server/share/a.mp3",
        "file://user@localhost/a.mp3",
        "file:///music/a%00.mp3",
        "file:///music/a.mp3?x=1",
        "file:///music/a.mp3#t=3",
        "s3://bucket",
        "s3://bucket/",
        "s3:///key",
        "s3://user:password@bucket/key",
        "s3://Bucket/key",
        "s3://../key",
        "https://example.org/" + "a" * 5000,
    ],
)
def test_a_hostile_or_malformed_uri_is_refused(uri: str) -> None:
    with pytest.raises(UriRefusedError):
        place_of(uri, OPEN)


@pytest.mark.parametrize(
    ("uri", "host", "port", "target"),
    [
        ("HTTPS://Example.ORG/A.mp3", "example.org", 443, "/A.mp3"),
        ("http://example.org", "example.org", 80, "/"),
        ("http://example.org.:8080?x=1", "example.org", 8080, "/?x=1"),
        ("https://b\u00fccher.example/\u00e9 x.mp3", "xn--bcher-kva.example", 443, "/%C3%A9%20x.mp3"),
        ("https://example.org/a%20b.mp3?s=%2F#t=3", "example.org", 443, "/a%20b.mp3?s=%2F"),
        ("http://\uff11\uff12\uff17.0.0.1/", "127.0.0.1", 80, "/"),
        ("http://[::FFFF:127.0.0.1]:81/", "::ffff:7f00:1", 81, "/"),
        ("http://me:p%40ss@example.org/", "example.org", 80, "/"),
    ],
)
def test_a_web_uri_is_understood_as_the_network_will(uri: str, host: str, port: int, target: str) -> None:
    place = a_web_place(uri)

    assert (ip_address(place.host) if ":" in host else place.host) == (ip_address(host) if ":" in host else host)
    assert (place.port, place.target) == (port, target)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///music/a%20b.mp3", "/music/a b.mp3"),
        ("file:/music/a.mp3", "/music/a.mp3"),
        ("FILE://localhost/music/%C3%A9.mp3", "/music/\u00e9.mp3"),
        ("file:///music/..%2F..%2Fetc/passwd", "/music/../../etc/passwd"),
    ],
)
def test_a_file_uri_is_percent_decoded_once(uri: str, path: str) -> None:
    assert place_of(uri, OPEN) == FilePlace(path)


def test_an_s3_key_is_taken_literally() -> None:
    assert place_of("s3://my-bucket/a b/c%20d?e#f.mp3", OPEN) == S3Place("my-bucket", "a b/c%20d?e#f.mp3")


@pytest.mark.parametrize(
    ("settings", "uri", "named"),
    [
        ({"schemes": "file,https"}, "http://example.org/", "NEEDLEDROP_MEDIA_SCHEMES"),
        ({"hosts": "example.org"}, "http://example.org.evil.net/", "NEEDLEDROP_MEDIA_HOSTS"),
        ({"hosts": "*.example.org"}, "http://example.org/", "NEEDLEDROP_MEDIA_HOSTS"),
        ({"hosts": "*.example.org"}, "http://notexample.org/", "NEEDLEDROP_MEDIA_HOSTS"),
        ({"hosts": "example.org"}, "http://example.org@evil.net/", "NEEDLEDROP_MEDIA_HOSTS"),
        ({"s3_buckets": "music"}, "s3://secrets/key", "NEEDLEDROP_MEDIA_S3_BUCKETS"),
    ],
)
def test_a_refusal_names_its_setting(settings: dict[str, str], uri: str, named: str) -> None:
    with pytest.raises(UriRefusedError, match=named):
        place_of(uri, MediaSettings.model_validate(settings))


@pytest.mark.parametrize("uri", ["http://Example.org/", "https://example.org./", "http://a.b.example.net/"])
def test_listed_hosts_are_open(uri: str) -> None:
    place_of(uri, MediaSettings.model_validate({"hosts": "example.org,*.example.net"}))


@pytest.mark.parametrize(
    "uri", ["ftp://me:hunter2@example.org/a?signature=hunter3", "hunter1:hunter2@example.org/a?signature=hunter3"]
)
def test_a_refusal_does_not_show_user_and_password(uri: str) -> None:
    with pytest.raises(UriRefusedError) as caught:
        place_of(uri, OPEN)

    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:192.168.0.1",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "fd00::1",
        "fec0::1",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_public_are_closed(address: str) -> None:
    assert "NEEDLEDROP_MEDIA_ALLOW_PRIVATE_ADDRESSES" in (address_fault(ip_address(address), OPEN) or "")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "169.254.169.254",
        "224.0.0.1",
        "::",
        "fe80::1",
        "ff02::1",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::",
        "fd00:ec2::254",
        "100.100.100.200",
    ],
)
def test_metadata_link_local_and_multicast_addresses_are_closed_whatever_is_allowed(address: str) -> None:
    assert address_fault(ip_address(address), MediaSettings(allow_private_addresses=True)) is not None


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)
def test_public_addresses_are_open(address: str) -> None:
    assert address_fault(ip_address(address), OPEN) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "192.168.1.1", "::1", "fd00::1", "100.64.0.1"])
def test_private_addresses_are_open_when_allowed(address: str) -> None:
    assert address_fault(ip_address(address), MediaSettings(allow_private_addresses=True)) is None


@pytest.mark.parametrize(
    ("location", "origin", "target"),
    [
        ("/b.mp3", ("http", "example.org", 8080), "/b.mp3"),
        ("c.mp3?x=1", ("http", "example.org", 8080), "/a/c.mp3?x=1"),
        ("//other.example/d", ("http", "other.example", 80), "/d"),
        ("https://example.org:8080/", ("https", "example.org", 8080), "/"),
    ],
)
def test_a_redirect_is_relative_to_where_it_came_from(location: str, origin: tuple[str, str, int], target: str) -> None:
    there = redirected(a_web_place("http://example.org:8080/a/b.mp3"), location, OPEN)

    assert (there.origin, there.target) == (origin, target)


def test_a_redirect_takes_the_password_to_the_same_origin_only() -> None:
    place = a_web_place("http://me:secret@example.org/a")

    assert redirected(place, "/b", OPEN).userinfo == "me:secret"
    assert redirected(place, "http://evil.example/b", OPEN).userinfo is None
    assert redirected(place, "https://example.org/b", OPEN).userinfo is None


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "s3://bucket/key", "gopher://example.org/", "http://127.1/"]
)
def test_a_redirect_out_of_the_web_or_to_a_bad_host_is_refused(location: str) -> None:
    with pytest.raises(UriRefusedError):
        redirected(a_web_place("http://example.org/"), location, OPEN)


@given(st.text(max_size=60).map(lambda text: f"http://{text}/"))
def test_any_text_as_an_authority_is_a_checked_host_or_refused(uri: str) -> None:
    try:
        place = place_of(uri, OPEN)
    except UriRefusedError:
        return
    assert isinstance(place, WebPlace)
    assert place.host.isascii()
    assert place.host
    assert all("!" <= character <= "~" for character in place.target)

"""The taxonomy says what it must, and a broken one is refused with the place named."""

import tomllib
from importlib.resources import files

import pytest

from schemas.errors import InvalidSettingError
from schemas.taxonomy import TagKind, Vocabulary, default_taxonomy
from schemas.taxonomy.table import taxonomy_from_toml

PROMISED = {
    *("rock", "pop", "electronic", "hip-hop", "jazz", "classical", "metal", "country", "blues", "folk", "reggae"),
    *("soul-rnb", "funk", "disco", "ambient", "latin", "world", "punk", "indie"),
}
GENRES = """
version = "7"
[[genres]]
name = "rock"
subgenres = ["hard rock"]
[[genres]]
name = "pop"
"""


def test_taxonomy_speaks_the_promised_genres() -> None:
    assert set(default_taxonomy().genre_names) == PROMISED


@pytest.mark.parametrize(
    ("word", "genre", "subgenre"),
    [
        ("hiphop", "hip-hop", None),
        ("Hip Hop", "hip-hop", None),
        ("R&B", "soul-rnb", None),
        ("soul", "soul-rnb", None),
        ("dance", "electronic", None),
        ("HARD-ROCK", "rock", "hard rock"),
        ("drum & bass", "electronic", "drum and bass"),
        ("polka dots", None, None),
    ],
)
def test_word_of_a_label_file_finds_its_place_in_the_tree(word: str, genre: str | None, subgenre: str | None) -> None:
    assert default_taxonomy().genre_and_subgenre(word) == (genre, subgenre)


def test_default_vocabularies_hear_no_reggae_latin_or_disco() -> None:
    taxonomy = default_taxonomy()

    heard = {g for name, v in taxonomy.vocabularies.items() for g in taxonomy.can_hear(v.tags, name)}

    assert PROMISED - heard == {"reggae", "latin", "disco"}


def test_vocabulary_files_have_fifty_tags_and_the_published_counts() -> None:
    taxonomy = default_taxonomy()
    msd, mtt = taxonomy.vocabularies["MSD"], taxonomy.vocabularies["MTT"]

    assert (len(msd.tags), len(mtt.tags)) == (50, 50)
    assert msd.known["rock"].prior == pytest.approx(0.1632, abs=5e-5)  # percentages as published with the counts
    assert msd.known["happy"].prior == pytest.approx(0.0030, abs=5e-5)
    assert sum(row.count for row in msd.tags.values()) / msd.n_tracks == pytest.approx(1.682, abs=1e-3)
    assert sum(row.count for row in mtt.tags.values()) / mtt.n_tracks == pytest.approx(3.277, rel=0.05)


def test_every_tag_that_names_a_genre_only_in_part_gives_a_reason() -> None:
    for name in ("msd.toml", "mtt.toml"):
        rows = tomllib.loads(files("schemas.taxonomy").joinpath(name).read_text("utf-8"))["tags"]
        partial = {tag for tag, row in rows.items() if any(share != 1 for share in row.get("names", {}).values())}
        assert partial
        assert [tag for tag in partial if "why" not in rows[tag]] == []


def test_same_spelling_means_different_things_in_two_vocabularies() -> None:
    taxonomy = default_taxonomy()
    in_mtt, in_msd = taxonomy.known_tag("MTT", "guitar"), taxonomy.known_tag("MSD", "guitar")

    assert in_mtt is not None
    assert in_msd is not None
    assert (in_mtt.shown_as, in_msd.shown_as) == ("guitar", "guitar music")


@pytest.mark.parametrize(
    ("tag", "kind", "shown_as", "names"),
    [
        ("Rock---Hard Rock", TagKind.GENRE, "hard rock", {"rock": 1.0}),
        ("Funk / Soul---Soul", TagKind.GENRE, "soul", {"soul-rnb": 1.0}),
        ("Electronic---Disco", TagKind.GENRE, "disco", {"disco": 1.0}),
        ("Jazz---Nobody Knows", TagKind.GENRE, "nobody knows", {"jazz": 1.0}),
        ("reggae", TagKind.GENRE, "reggae", {"reggae": 1.0}),
        ("instrument---piano", TagKind.INSTRUMENT, "piano", {}),
        ("mood/theme---epic", TagKind.MOOD, "epic", {}),
        ("woman", TagKind.VOICE, "female vocals", {}),
    ],
)
def test_tag_of_an_unknown_vocabulary_is_read_by_its_words(
    tag: str, kind: TagKind, shown_as: str, names: dict[str, float]
) -> None:
    known = default_taxonomy().known_tag("Discogs", tag)

    assert known is not None
    assert (known.kind, known.shown_as, dict(known.names), known.prior) == (kind, shown_as, names, None)


def test_tag_that_means_nothing_is_reported() -> None:
    assert default_taxonomy().unknown_tags(["rock", "qwertz"], "Mine") == ("qwertz",)


def test_vocabulary_brought_by_a_manifest_explains_its_tags() -> None:
    row = {"kind": "genre", "count": 10, "names": {"reggae": 0.5}, "as": "riddim"}
    mine = Vocabulary.model_validate({"name": "Mine", "n_tracks": 100, "tags": {"x1": row}})

    taxonomy = default_taxonomy().with_vocabulary(mine)

    assert taxonomy.can_hear(["x1"], "Mine") == ("reggae",)
    assert default_taxonomy().can_hear(["x1"], "Mine") == ()


@pytest.mark.parametrize(
    ("addition", "complaint"),
    [
        ('[[genres]]\nname = "metal"\nsubgenres = ["Hard Rock"]', "Hard Rock"),
        ('[[genres]]\nname = "metal"\nsubgenrse = []', "subgenrse"),
        ("[hints]\nviolin = { rock = 0.5 }", "gives no reason"),
        ('[hints]\nviolin = { polka = 0.5, why = "x" }', "polka"),
        ("[[genres", "not TOML"),
    ],
)
def test_broken_taxonomy_is_refused_naming_the_fault(addition: str, complaint: str) -> None:
    assert taxonomy_from_toml(GENRES).genre_names == ("rock", "pop")

    with pytest.raises(InvalidSettingError, match=complaint):
        taxonomy_from_toml(f"{GENRES}\n{addition}\n")


def test_vocabulary_that_names_a_strange_genre_is_refused() -> None:
    tags = 'name = "V"\nn_tracks = 9\n[tags]\n"t" = { kind = "genre", count = 1, names = { polka = 1 } }'

    with pytest.raises(InvalidSettingError, match="polka"):
        taxonomy_from_toml(GENRES, [tags])

"""The formulas of the module's page, by hand."""

import math

import numpy as np
import pytest

from schemas.errors import InvalidSettingError
from schemas.taxonomy import Taxonomy
from schemas.taxonomy.table import taxonomy_from_toml
from workers.classifier.evidence import Member, Reading, pooled, presence
from workers.classifier.parameters import FusionParameters


@pytest.fixture
def taxonomy() -> Taxonomy:
    genres = 'version = "1"\n' + "".join(f'[[genres]]\nname = "{name}"\n' for name in ("rock", "jazz", "folk"))
    tags = """
    name = "V"
    n_tracks = 100
    [tags]
    "rock" = { kind = "genre", count = 20, names = { rock = 1 } }
    "hard" = { kind = "genre", count = 10, names = { rock = 0.5 }, as = "hard rock" }
    "jazz" = { kind = "genre", count = 5, names = { jazz = 1 } }
    "woman" = { kind = "voice", count = 10, as = "female vocals" }
    "female" = { kind = "voice", count = 20, as = "female vocals" }
    """
    return taxonomy_from_toml(genres, [tags])


@pytest.fixture
def member() -> Member:
    return Member(name="m", vocabulary="V", tags=("rock", "hard", "jazz", "woman", "female", "???"))


PROBABILITIES = np.array([0.6, 0.3, 0.02, 0.5, 0.4, 0.9])


def test_lift_is_the_named_mass_over_the_damped_prior(taxonomy: Taxonomy, member: Member) -> None:
    lift = Reading.of(member, taxonomy, FusionParameters(prior_damping=0.8, floor=0.01)).lift(PROBABILITIES)

    centre = math.sqrt(0.25 * 0.05)  # geometric mean of what is expected: rock 0.20 + 0.5 * 0.10, jazz 0.05
    rock = math.log((0.75 + 0.01) / (0.25**0.8 * centre**0.2 + 0.01))
    jazz = math.log((0.02 + 0.01) / (0.05**0.8 * centre**0.2 + 0.01))
    assert lift == pytest.approx([rock, jazz, 0.0])


def test_lift_is_zero_at_the_prior_when_priors_are_undamped(taxonomy: Taxonomy, member: Member) -> None:
    reading = Reading.of(member, taxonomy, FusionParameters(prior_damping=1.0))

    assert reading.lift(reading.priors) == pytest.approx([0.0, 0.0, 0.0])
    assert reading.names.tolist() == [True, True, False]


def test_spellings_merge_as_any_of_them(taxonomy: Taxonomy, member: Member) -> None:
    reading = Reading.of(member, taxonomy, FusionParameters())

    merged = dict(zip([tag.name for tag in reading.shown], reading.merged(PROBABILITIES), strict=True))

    assert merged == pytest.approx({"rock": 0.6, "hard rock": 0.3, "jazz": 0.02, "female vocals": 1 - 0.5 * 0.6})


def test_merging_survives_a_sigmoid_that_says_one(taxonomy: Taxonomy, member: Member) -> None:
    merged = Reading.of(member, taxonomy, FusionParameters()).merged(np.ones(6))

    assert merged == pytest.approx(np.ones(4), abs=1e-6)


def test_muting_a_tag_lowers_all_its_spellings_to_their_priors(taxonomy: Taxonomy, member: Member) -> None:
    reading = Reading.of(member, taxonomy, FusionParameters())
    female = reading.shown[-1]

    [muted] = reading.without(PROBABILITIES, [female])

    assert muted == pytest.approx([0.6, 0.3, 0.02, 0.1, 0.2, 0.9])


def test_presence_is_zero_at_the_prior_and_grows_to_one() -> None:
    priors = np.full(4, 0.1)

    assert presence(np.array([0.01, 0.1, 0.3, 1.0]), priors) == pytest.approx([0.0, 0.0, 0.5, 9 / 11])


def test_prior_of_the_manifest_replaces_the_taxonomys_and_the_guess(taxonomy: Taxonomy, member: Member) -> None:
    plain = Reading.of(member, taxonomy, FusionParameters())
    given = Reading.of(member, taxonomy, FusionParameters(priors={"m": {"rock": 0.4, "???": 0.07}}))

    assert plain.priors == pytest.approx([0.2, 0.1, 0.05, 0.1, 0.2, 2 / 6])
    assert given.priors == pytest.approx([0.4, 0.1, 0.05, 0.1, 0.2, 0.07])


def test_prior_for_a_tag_that_the_member_lacks_is_refused(taxonomy: Taxonomy, member: Member) -> None:
    with pytest.raises(InvalidSettingError, match="polka"):
        Reading.of(member, taxonomy, FusionParameters(priors={"m": {"polka": 0.4}}))


@pytest.mark.parametrize(("tags", "weight"), [((), 1.0), (("a", "a"), 1.0), (("a",), 0.0), (("a",), float("nan"))])
def test_member_that_cannot_be_fused_is_refused(tags: tuple[str, ...], weight: float) -> None:
    with pytest.raises(InvalidSettingError, match="member m"):
        Member(name="m", vocabulary="V", tags=tags, weight=weight)


def test_music_is_what_instruments_and_genres_have_of_their_expectation() -> None:
    genres = 'version = "1"\n[[genres]]\nname = "rock"\n'
    instruments = "".join(f'"i{i}" = {{ kind = "instrument", count = 10 }}\n' for i in range(5))
    rest = '"rock" = { kind = "genre", count = 50, names = { rock = 1 } }\n"man" = { kind = "voice", count = 30 }\n'
    taxonomy = taxonomy_from_toml(genres, [f'name = "V"\nn_tracks = 100\n[tags]\n{instruments}{rest}'])
    tags = ("i0", "i1", "i2", "i3", "i4", "rock", "man")
    able, unable = (
        Reading.of(Member(name="m", vocabulary="V", tags=known), taxonomy, FusionParameters())
        for known in (tags, tags[1:])
    )

    assert able.music(np.array([0.2, 0.0, 0.0, 0.0, 0.0, 0.05, 0.9])) == pytest.approx(0.25)
    assert unable.music(np.full(6, 0.5)) is None


def test_tag_counts_where_it_is_heard_and_not_less_for_where_it_is_not() -> None:
    steady = np.full((4, 1), 0.3)
    once = np.array([[0.9], [0.1], [0.1], [0.1]])  # the same mean

    assert pooled(steady)[0] == pytest.approx(0.3)
    assert pooled(once)[0] == pytest.approx((0.81 + 3 * 0.01) / 1.2)
    assert pooled(np.zeros((4, 1)))[0] == 0.0
    assert pooled(once[:1])[0] == pytest.approx(0.9)

"""What the fused labels must do, on made-up members."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from schemas.taxonomy import TagKind, default_taxonomy
from schemas.taxonomy.table import taxonomy_from_toml
from workers.classifier.evidence import Member
from workers.classifier.fused import Fused, Heard
from workers.classifier.fusion import Fusion
from workers.classifier.parameters import FusionParameters

Answers = Mapping[str, NDArray[np.float64]]
TAXONOMY = default_taxonomy()
MSD = Member(name="songs", vocabulary="MSD", tags=tuple(TAXONOMY.vocabularies["MSD"].tags))
MTT = Member(name="clips", vocabulary="MTT", tags=tuple(TAXONOMY.vocabularies["MTT"].tags))


def answer(member: Member, n_patches: int = 4, /, **heard: float) -> NDArray[np.float64]:
    """Priors, except for the tags ``heard``; underscores stand for spaces."""
    table = TAXONOMY.vocabularies[member.vocabulary].known
    said = {tag.replace("_", " "): probability for tag, probability in heard.items()}
    assert set(said) <= set(member.tags)
    row = [said.get(tag, table[tag].prior or 0.0) for tag in member.tags]
    return np.tile(row, (n_patches, 1))


def fuse(**answers: NDArray[np.float64]) -> Fused:
    return Fusion(TAXONOMY, [MSD, MTT])(answers)


def test_probabilities_are_of_all_audible_genres_and_sum_to_one() -> None:
    fused = fuse(songs=answer(MSD, jazz=0.5), clips=answer(MTT))

    assert len(fused.genres) == 16
    assert {"reggae", "latin", "disco"}.isdisjoint(genre.name for genre in fused.genres)
    assert sum(genre.value for genre in fused.genres) == pytest.approx(1.0)
    assert [g.value for g in fused.genres] == sorted((g.value for g in fused.genres), reverse=True)
    assert fused.genres[0].name == "jazz"


def test_genre_probabilities_alone_are_those_of_the_whole_answer() -> None:
    answers = {"songs": answer(MSD, jazz=0.5), "clips": answer(MTT, piano=0.4)}
    fusion = Fusion(TAXONOMY, [MSD, MTT])

    alone = fusion.genre_probabilities(answers)

    assert alone == pytest.approx({genre.name: genre.value for genre in fusion(answers).genres})


def test_rare_tag_beats_a_common_one_when_it_is_further_above_its_prior() -> None:
    fused = fuse(songs=answer(MSD, rock=0.20, country=0.20), clips=answer(MTT))

    assert fused.genres[0].name == "country"  # five times its prior, where rock is at its own


def test_instruments_are_evidence_for_classical_music() -> None:
    bare = fuse(songs=answer(MSD), clips=answer(MTT, classical=0.3))
    played = fuse(songs=answer(MSD), clips=answer(MTT, classical=0.3, harpsichord=0.5, strings=0.5))

    def classical(fused: Fused) -> float:
        return next(genre.value for genre in fused.genres if genre.name == "classical")

    assert classical(played) > classical(bare) + 0.1
    assert {"harpsichord", "strings"} <= {reason.name for reason in played.why}


def test_answer_that_says_no_more_than_priors_is_unsure() -> None:
    fused = fuse(songs=answer(MSD), clips=answer(MTT))

    assert fused.unsure
    assert "no genre reaches" in fused.unsure_because[0]


@pytest.mark.parametrize(
    ("heard", "reason"),
    [
        (Heard(seconds=1.0), "too short"),
        (Heard(loudness_db=-70.0), "silence"),
        (Heard(loudness_db=float("-inf")), "silence"),
        (Heard(loudness_db=float("nan")), "silence"),
        (Heard(variation_db=1.0), "steady noise"),
        (Heard(speechiness=0.9), "speech"),
    ],
)
def test_clear_answer_is_unsure_when_the_sound_cannot_be_trusted(heard: Heard, reason: str) -> None:
    answers = {"songs": answer(MSD, metal=0.8), "clips": answer(MTT, metal=0.6, rock=0.8)}
    fusion = Fusion(TAXONOMY, [MSD, MTT])
    music = Heard(seconds=30.0, loudness_db=-9.0, variation_db=6.0, speechiness=0.1)

    assert not fusion(answers, music).unsure
    assert not fusion(answers).unsure
    assert fusion(answers, heard).unsure_because == (reason,)


def test_voice_without_instruments_or_genres_is_unsure() -> None:
    nothing = dict.fromkeys(
        ("guitar", "drums", "strings", "piano", "beat", "violin", "synth", "classical", "techno"), 0.02
    )
    nothing |= dict.fromkeys(("rock", "electronic", "ambient", "indian", "opera", "pop", "flute"), 0.02)
    speech = fuse(songs=answer(MSD, **{"Hip-Hop": 0.5}), clips=answer(MTT, male_voice=0.8, man=0.7, **nothing))
    rap = fuse(songs=answer(MSD, **{"Hip-Hop": 0.5}), clips=answer(MTT, male_voice=0.8, **nothing | {"beat": 0.9}))

    assert "little music" in speech.unsure_because
    assert "little music" not in rap.unsure_because


def test_members_that_contradict_each_other_disagree_more_than_those_that_agree() -> None:
    agreeing = fuse(songs=answer(MSD, metal=0.8), clips=answer(MTT, metal=0.8))
    contrary = fuse(songs=answer(MSD, metal=0.8), clips=answer(MTT, ambient=0.8, metal=0.001))

    assert 0 <= agreeing.disagreement < 0.15
    assert 0.4 < contrary.disagreement <= 1


def test_tags_come_by_kind_with_spellings_merged_over_the_members_that_know_them() -> None:
    fused = fuse(songs=answer(MSD, female_vocalists=0.5, female_vocalist=0.0), clips=answer(MTT, harpsichord=0.6))

    table = TAXONOMY.vocabularies["MTT"].known
    spellings = [t for t, k in table.items() if k.shown_as == "female vocals"]
    in_mtt = 1 - np.prod([1 - (table[t].prior or 0.0) for t in spellings])
    voices = {tag.name: tag.value for tag in fused.tags[TagKind.VOICE]}
    assert len(spellings) == 4
    assert voices["female vocals"] == pytest.approx((0.5 + in_mtt) / 2)
    assert fused.tags[TagKind.INSTRUMENT][0].name == "harpsichord"
    assert fused.tags[TagKind.INSTRUMENT][0].value == pytest.approx(0.6)
    assert set(fused.tags) == set(TagKind)


def test_track_that_changes_says_so_in_its_taggram() -> None:
    quiet, loud = answer(MTT, 3, classical=0.8, violin=0.5), answer(MTT, 3, techno=0.9, beat=0.8)
    songs = np.concatenate([answer(MSD, 3), answer(MSD, 3, electronic=0.5)])
    fused = fuse(songs=songs, clips=np.concatenate([quiet, loud]))
    steady = fuse(songs=answer(MSD, 6), clips=np.concatenate([quiet, quiet]))

    assert [segment.genres[0].name for segment in fused.segments] == ["classical"] * 3 + ["electronic"] * 3
    assert (fused.segments[2].start, fused.segments[2].end) == pytest.approx((1 / 3, 1 / 2))
    assert fused.changes
    assert not steady.changes


def test_members_may_cut_the_track_into_different_numbers_of_patches() -> None:
    fused = fuse(songs=answer(MSD, 7, jazz=0.5), clips=answer(MTT, 3))

    assert len(fused.segments) == 3
    assert {segment.genres[0].name for segment in fused.segments} == {"jazz"}


def test_genre_probabilities_are_the_formula_of_the_modules_page() -> None:
    genres = """
    version = "1"
    [[genres]]
    name = "rock"
    [[genres]]
    name = "jazz"
    commonness = 0.5
    [hints]
    "piano" = { jazz = 2.0, why = "a test" }
    "organ" = { jazz = 0.2, rock = -0.4, why = "a test" }
    """
    row = '"{0}" = {{ kind = "genre", count = 10, names = {{ {0} = 1 }} }}\n'
    played = '"piano" = { kind = "instrument", count = 10 }\n"organ" = { kind = "instrument", count = 10 }\n'
    head = 'name = "{}"\nn_tracks = 100\n[tags]\n'
    both, rock_only = row.format("rock") + row.format("jazz"), row.format("rock")
    taxonomy = taxonomy_from_toml(genres, [head.format("A") + both, head.format("B") + rock_only + played])
    members = [
        Member(name="a", vocabulary="A", tags=("rock", "jazz"), weight=1.0),
        Member(name="b", vocabulary="B", tags=("rock", "piano", "organ"), weight=3.0),
    ]
    parameters = FusionParameters(
        prior_damping=1.0, floor=0.01, silence_agrees=0.5, hint_cap=0.6, temperature=0.8, unsure_below=0.0
    )

    fused = Fusion(taxonomy, members, parameters)({"a": np.array([[0.2, 0.4]]), "b": np.array([[0.3, 0.3, 0.3]])})

    def lift(probability: float) -> float:
        return math.log((probability + 0.01) / (0.1 + 0.01))

    rock = (1.0 * lift(0.2) + 3.0 * lift(0.3)) / 4.0 - 0.4 * 0.5  # presence of the organ: (0.3 - 0.1) / (0.3 + 0.1)
    jazz = 1.0 * lift(0.4) / (1.0 + 0.5 * 3.0) + 0.6 + math.log(0.5)  # hints of 1.0 + 0.1 are cut to 0.6
    expected = math.exp(rock / 0.8) / (math.exp(rock / 0.8) + math.exp(jazz / 0.8))
    assert {g.name: g.value for g in fused.genres} == pytest.approx({"rock": expected, "jazz": 1 - expected})


def a_fifth(weight: float) -> Member:
    return Member(name="fifth", vocabulary="Mine", tags=("Reggae---Dub", "Rock---Punk", "no such word"), weight=weight)


def test_fifth_member_makes_its_genres_audible_and_counts_by_its_weight() -> None:
    answers = {"songs": answer(MSD), "clips": answer(MTT), "fifth": np.array([[0.05, 0.95, 0.5]])}

    def punk(weight: float) -> float:
        fusion = Fusion(TAXONOMY, [MSD, MTT, a_fifth(weight)], FusionParameters(priors={"fifth": {"Rock---Punk": 0.1}}))
        return next(genre.value for genre in fusion(answers).genres if genre.name == "punk")

    assert punk(0.1) < punk(1.0) < punk(10.0)
    assert "reggae" in Fusion(TAXONOMY, [MSD, MTT, a_fifth(1.0)]).genres
    assert "reggae" not in Fusion(TAXONOMY, [MSD, MTT]).genres


def test_unknown_tags_are_reported_and_do_not_stop_the_ensemble() -> None:
    assert Fusion(TAXONOMY, [MTT, a_fifth(1.0)]).unknown_tags == {"clips": (), "fifth": ("no such word",)}


def test_tags_above_their_decision_threshold_are_accepted() -> None:
    parameters = FusionParameters(tag_thresholds={"violin": 0.3, "techno": 0.3})

    fused = Fusion(TAXONOMY, [MTT], parameters)({"clips": answer(MTT, violin=0.3, techno=0.29, classical=0.9)})

    assert fused.accepted == ("violin",)


@pytest.mark.parametrize(
    ("members", "parameters", "complaint"),
    [
        ([], FusionParameters(), "at least one member"),
        ([MSD, MSD], FusionParameters(), "name of its own"),
        ([Member(name="m", vocabulary="x", tags=("qwertz",))], FusionParameters(), "names a genre"),
        ([MSD], FusionParameters(priors={"clips": {"rock": 0.1}}), "no members"),
    ],
)
def test_ensemble_that_cannot_say_anything_is_refused(
    members: list[Member], parameters: FusionParameters, complaint: str
) -> None:
    with pytest.raises(InvalidSettingError, match=complaint):
        Fusion(TAXONOMY, members, parameters)


def test_probabilities_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="member clips"):
        fuse(songs=answer(MSD), clips=np.zeros((3, 49)))
    with pytest.raises(ValueError, match="member clips"):
        fuse(songs=answer(MSD))

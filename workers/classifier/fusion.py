"""Member probabilities in, one answer out: genres that exclude one another, tags by kind, and whether to trust it.

For each member the taxonomy gives a lift L_g on every genre that it has a word for (evidence.py). Members are pooled as
logarithms, weighted by w_m; of a genre that a member has no word for, the silence counts (1 - silence_agrees) as "no
more than usual", a lift of 0. Hints H_g, summed over merged tags and bounded, and how common the genre is are added:

    S_g = Σ_{m names g} w_m L_mg / (Σ_{m names g} w_m + (1 - silence_agrees) Σ_{others} w_m) + H_g + log common_g
    P(g) = exp(S_g / temperature) / Σ_g' exp(S_g' / temperature), over the genres that the ensemble can hear.

So the probabilities of a track's genres sum to one. Pure numpy, no file, no clock.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from schemas.errors import InvalidSettingError
from schemas.taxonomy import TagKind, Taxonomy
from workers.classifier.changes import all_differ, runs
from workers.classifier.evidence import Floats, Member, Reading, pooled, presence
from workers.classifier.fused import Fused, Heard, Scored, Segment
from workers.classifier.parameters import FusionParameters

N_SEGMENT_GENRES = 3  # enough to see a track change without sending the whole distribution for every three seconds
N_REASONS = 5
SPOKE = 0.05  # nats: what says less is no reason
TINY = 1e-12  # keeps 0 log 0 from being NaN


class Fusion:
    """An ensemble's opinion, compiled once: call it with a track's patch probabilities."""

    def __init__(
        self, taxonomy: Taxonomy, members: Sequence[Member], parameters: FusionParameters | None = None
    ) -> None:
        """Compile ``members`` against ``taxonomy``.

        Raises: InvalidSettingError, without members, with two of one name, when no tag of any names a genre, or when
            the parameters speak of members, tags or genres that are not there.
        """
        if not members or len({member.name for member in members}) != len(members):
            raise InvalidSettingError("an ensemble needs at least one member, each with a name of its own")
        self.parameters = parameters or FusionParameters()
        if strange := sorted(set(self.parameters.priors) - {member.name for member in members}):
            raise InvalidSettingError(f"fusion.priors speaks of {strange}, which are no members of the ensemble")
        for vocabulary in self.parameters.vocabularies:
            taxonomy = taxonomy.with_vocabulary(vocabulary)
        self.unknown_tags = {m.name: taxonomy.unknown_tags(m.tags, m.vocabulary) for m in members}
        self._readings = {m.name: Reading.of(m, taxonomy, self.parameters) for m in members}
        audible = np.array([reading.names for reading in self._readings.values()]).any(axis=0)
        if not audible.any():
            raise InvalidSettingError("no tag of any member names a genre of the taxonomy")
        self._audible = np.flatnonzero(audible)
        self.genres = tuple(taxonomy.genre_names[i] for i in self._audible)
        self._common = np.log([taxonomy.genres[i].commonness for i in self._audible])
        self._shown = tuple(dict.fromkeys(tag for r in self._readings.values() for tag in r.shown))
        index = {tag: i for i, tag in enumerate(self._shown)}
        self._columns = {name: [index[tag] for tag in r.shown] for name, r in self._readings.items()}
        self._hints = np.array([[taxonomy.hint(t.name).get(g, 0.0) for g in self.genres] for t in self._shown])

    def __call__(self, probabilities: Mapping[str, Floats], heard: Heard | None = None) -> Fused:
        """Fuse one track.

        Args:
            probabilities: by name of member (n_patches, n_tags), in order of time; n_patches may differ.
            heard: what else is known about the audio.

        Raises: ValueError, if a member is missing or an array does not have its shape.
        """
        patches = {name: self._checked(name, probabilities) for name in self._readings}
        mean = {name: array.mean(axis=0) for name, array in patches.items()}
        track = {name: pooled(array) for name, array in patches.items()}
        genres = self._distribution(self.scores(track))
        disagreement = self._disagreement(track)
        doubts = self._doubts(float(genres.max()), disagreement, self._music(mean), heard or Heard())
        tags = self._tags(mean)
        return Fused(
            genres=_ranked(self.genres, genres),
            unsure=bool(doubts),
            unsure_because=doubts,
            disagreement=disagreement,
            tags=tags,
            accepted=self._accepted(tags),
            segments=self._segments(patches),
            changes=self._changes(patches),
            why=self._why(track, int(genres.argmax())),
        )

    def genre_probabilities(self, probabilities: Mapping[str, Floats]) -> dict[str, float]:
        """What ``__call__`` says of each genre, and nothing else: a tenth of the work."""
        track = {name: pooled(self._checked(name, probabilities)) for name in self._readings}
        return dict(zip(self.genres, self._distribution(self.scores(track)).tolist(), strict=True))

    def _checked(self, name: str, probabilities: Mapping[str, Floats]) -> Floats:
        array = np.asarray(probabilities.get(name, ()), dtype=np.float64)
        n_tags = len(self._readings[name].member.tags)
        if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] != n_tags:
            raise ValueError(f"member {name}: probabilities of shape {array.shape}, need (n_patches > 0, {n_tags})")
        return array

    def scores(self, probabilities: Mapping[str, Floats]) -> Floats:
        """S_g of the module's page, (..., n_genres), from each member's tag probabilities (..., n_tags)."""
        p = self.parameters
        n_genres = len(self.genres)
        said, spoke, silent = np.zeros(n_genres), np.zeros(n_genres), np.zeros(n_genres)
        for name, reading in self._readings.items():
            lift = reading.lift(probabilities[name])[..., self._audible]
            names, weight = reading.names[self._audible], reading.member.weight
            said, spoke, silent = said + weight * lift, spoke + weight * names, silent + weight * ~names
        hints = np.clip(self._presence(probabilities) @ self._hints, -p.hint_cap, p.hint_cap)
        scores: Floats = said / (spoke + (1 - p.silence_agrees) * silent) + hints + self._common
        return scores

    def _distribution(self, scores: Floats) -> Floats:
        scaled = scores / self.parameters.temperature
        odds = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        distribution: Floats = odds / odds.sum(axis=-1, keepdims=True)
        return distribution

    def _presence(self, probabilities: Mapping[str, Floats]) -> Floats:
        """How far each merged tag is above its prior, (..., n_shown): the weighted mean over members that know it."""
        return self._over_members(
            {name: presence(r.merged(probabilities[name]), r.merged_priors) for name, r in self._readings.items()}
        )

    def _over_members(self, merged: Mapping[str, Floats]) -> Floats:
        """The weighted mean of each merged tag over the members that know it, (..., n_shown)."""
        some = next(iter(merged.values()))
        total, weights = np.zeros((*some.shape[:-1], len(self._shown))), np.zeros(len(self._shown))
        for name, reading in self._readings.items():
            total[..., self._columns[name]] += reading.member.weight * merged[name]
            weights[self._columns[name]] += reading.member.weight
        mean: Floats = total / weights
        return mean

    def _disagreement(self, track: Mapping[str, Floats]) -> float:
        """Mean Jensen-Shannon divergence in bits of pairs of members, over the genres that both have words for."""
        lifts = {name: reading.lift(track[name]) for name, reading in self._readings.items()}
        weights, apart = 0.0, 0.0
        for one, other in combinations(self._readings.values(), 2):
            both = one.names & other.names
            if np.count_nonzero(both) > 1:
                pair = (self._distribution(lifts[reading.member.name][both]) for reading in (one, other))
                weight = one.member.weight * other.member.weight
                weights, apart = weights + weight, apart + weight * _divergence(*pair)
        return apart / weights if weights else 0.0

    def _music(self, track: Mapping[str, Floats]) -> float:
        """The weighted mean of Reading.music over members that can tell; 1 if none can."""
        told = [(r.music(track[name]), r.member.weight) for name, r in self._readings.items()]
        parts = [(music, weight) for music, weight in told if music is not None]
        return sum(music * weight for music, weight in parts) / sum(w for _, w in parts) if parts else 1.0

    def _doubts(self, top: float, disagreement: float, music: float, heard: Heard) -> tuple[str, ...]:
        p = self.parameters
        doubts = {
            f"no genre reaches {p.unsure_below:.0%}": top < p.unsure_below,
            "the models disagree": disagreement > p.unsure_disagreement,
            "little music": music < p.unsure_below_music,
            "too short": heard.seconds is not None and heard.seconds < p.unsure_below_s,
            "silence": heard.loudness_db is not None and not heard.loudness_db >= p.unsure_below_db,
            "steady noise": heard.variation_db is not None and heard.variation_db < p.unsure_below_variation_db,
            "speech": heard.speechiness is not None and heard.speechiness > p.unsure_speechiness,
        }
        return tuple(reason for reason, holds in doubts.items() if holds)

    def _tags(self, track: Mapping[str, Floats]) -> Mapping[TagKind, tuple[Scored, ...]]:
        values = self._over_members({name: r.merged(track[name]) for name, r in self._readings.items()})
        by_kind: dict[TagKind, list[Scored]] = {}
        for i in np.argsort(-values, kind="stable"):
            by_kind.setdefault(self._shown[i].kind, []).append(Scored(name=self._shown[i].name, value=float(values[i])))
        return {kind: tuple(scored) for kind, scored in by_kind.items()}

    def _accepted(self, tags: Mapping[TagKind, tuple[Scored, ...]]) -> tuple[str, ...]:
        limits = self.parameters.tag_thresholds
        scored = [tag for of_kind in tags.values() for tag in of_kind if tag.name in limits]
        return tuple(tag.name for tag in scored if tag.value >= limits[tag.name])

    def _segments(self, patches: Mapping[str, Floats]) -> tuple[Segment, ...]:
        aligned, n_segments = _aligned(patches)
        edges = np.linspace(0.0, 1.0, n_segments + 1)
        distributions = self._distribution(self.scores(aligned))
        return tuple(
            Segment(start=float(edges[i]), end=float(edges[i + 1]), genres=_ranked(self.genres, row)[:N_SEGMENT_GENRES])
            for i, row in enumerate(distributions)
        )

    def _changes(self, patches: Mapping[str, Floats]) -> bool:
        aligned, n_segments = _aligned(patches)
        cuts = list(runs(n_segments))
        if not cuts:
            return False
        means = {name: np.array([pooled(array[run]) for cut in cuts for run in cut]) for name, array in aligned.items()}
        distributions = self._distribution(self.scores(means))  # of all cuts at once: a third of the time
        ends = np.cumsum([len(cut) for cut in cuts])
        lowest = self.parameters.unsure_below
        return any(all_differ(of_cut, lowest) for of_cut in np.split(distributions, ends[:-1]))

    def _why(self, track: Mapping[str, Floats], genre: int) -> tuple[Scored, ...]:
        """The merged tags without which the genre would score less, by how much less."""
        muted = {name: r.without(track[name], self._shown) for name, r in self._readings.items()}
        spoken = self.scores(track)[genre] - self.scores(muted)[:, genre]
        best = np.argsort(-spoken, kind="stable")[:N_REASONS]
        return tuple(Scored(name=self._shown[i].name, value=float(spoken[i])) for i in best if spoken[i] > SPOKE)


def _ranked(names: Sequence[str], values: Floats) -> tuple[Scored, ...]:
    return tuple(Scored(name=names[i], value=float(values[i])) for i in np.argsort(-values, kind="stable"))


def _aligned(patches: Mapping[str, Floats]) -> tuple[Mapping[str, Floats], int]:
    """As many rows from every member: means of neighbours, of members whose patches are shorter than others'."""
    n = min(len(array) for array in patches.values())
    return {k: np.array([g.mean(axis=0) for g in np.array_split(array, n)]) for k, array in patches.items()}, n


def _divergence(p: Floats, q: Floats) -> float:
    """Jensen-Shannon divergence in bits, 0 to 1."""
    middle = (p + q) / 2
    return float(sum((d * np.log2((d + TINY) / (middle + TINY))).sum() for d in (p, q)) / 2)

-- The catalog's file. `labels` is the compacted label topic, `failures` the newest failure of each track that has no
-- newer outcome; `offsets` says up to where. All of it changes in one transaction.
CREATE TABLE IF NOT EXISTS facts (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

CREATE TABLE IF NOT EXISTS offsets (
    cluster_id VARCHAR NOT NULL,
    topic VARCHAR NOT NULL,
    "partition" INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    PRIMARY KEY (cluster_id, topic, "partition")
);

-- Genres and tags by the number that rows have for them.
CREATE TABLE IF NOT EXISTS words (id INTEGER PRIMARY KEY, word VARCHAR NOT NULL);

-- A deleted track keeps its position, so that an older outcome that arrives late does not bring it back.
-- `numbers`: float64, `word_ids`: uint16, `word_values`: float32, `embedding`: float16, all little-endian: what memory
-- holds of the label. `ensemble`: digest of the one that the embedding is of.
-- Zstandard by name: left to choose, DuckDB compresses each long text by every method it has whenever it writes a
-- checkpoint, which stops all writing for seconds. One row a track is our doing, without an index: with one, replacing
-- rows takes seven times as long.
CREATE TABLE IF NOT EXISTS labels (
    track_id VARCHAR NOT NULL,
    position VARCHAR NOT NULL,
    deleted_at_ms BIGINT,
    label VARCHAR USING COMPRESSION zstd,
    title VARCHAR,
    artist VARCHAR,
    album VARCHAR,
    isrc VARCHAR,
    spotify_id VARCHAR,
    uri VARCHAR,
    content_hash VARCHAR,
    numbers BLOB USING COMPRESSION zstd,
    word_ids BLOB USING COMPRESSION zstd,
    word_values BLOB USING COMPRESSION zstd,
    ensemble VARCHAR,
    embedding BLOB USING COMPRESSION zstd
);

CREATE TABLE IF NOT EXISTS failures (
    track_id VARCHAR NOT NULL,
    position VARCHAR NOT NULL,
    failure VARCHAR NOT NULL USING COMPRESSION zstd
);

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
-- `numbers`: float64, `word_ids`: uint16, `word_values`: float32, all little-endian: what memory holds of the label.
CREATE TABLE IF NOT EXISTS labels (
    track_id VARCHAR PRIMARY KEY,
    position VARCHAR NOT NULL,
    deleted_at_ms BIGINT,
    label VARCHAR,
    title VARCHAR,
    artist VARCHAR,
    album VARCHAR,
    isrc VARCHAR,
    spotify_id VARCHAR,
    uri VARCHAR,
    content_hash VARCHAR,
    numbers BLOB,
    word_ids BLOB,
    word_values BLOB
);

CREATE TABLE IF NOT EXISTS failures (track_id VARCHAR PRIMARY KEY, position VARCHAR NOT NULL, failure VARCHAR NOT NULL);

"""The genres needledrop speaks, what known tags mean and how they bear evidence on genres: data with reasons."""

from schemas.taxonomy.table import Genre, KnownTag, TagKind, Taxonomy, Vocabulary, default_taxonomy, plain_word

__all__ = ["Genre", "KnownTag", "TagKind", "Taxonomy", "Vocabulary", "default_taxonomy", "plain_word"]

"""The plugins that come with clfw. They enter by the same entry points as anybody's."""

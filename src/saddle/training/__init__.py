"""Playing a game to its end: engine, match, record, checkpoints, progress. It knows no method and no recipe."""

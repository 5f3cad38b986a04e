"""Values as people write them: the readers of texts that forms and imports share. The JSON API stays strict."""

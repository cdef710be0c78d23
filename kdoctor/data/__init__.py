"""Facts that age, kept as data: public mirrors, registries that were retired, names that are everybody's."""

"""What a puller is told to do: proxies, resolvers, trust, mirrors, and the files that say so."""

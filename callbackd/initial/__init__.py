"""A first configuration: what this machine's PBX suggests, the files that the answers make, and what comes next."""

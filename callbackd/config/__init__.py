"""The YAML a sysadmin writes: settings and profiles, every mistake reported at once with its place in the file."""

"""The HTTP door: a thin API over the engine."""

"""Whether everything that is said can be played, in each language that a profile speaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable

from callbackd.ari.client import AriClient
from callbackd.ari.media import FOLDER, media
from callbackd.config.load import Configuration
from callbackd.doctor.finding import Finding, failed, ok, warning
from callbackd.domain.profile import Profile
from callbackd.domain.prompts import PROMPTS, Prompt
from callbackd.share import SOUNDS

_SHOWN = 4
_SOUND = "sound:"
_DIGITS = tuple(f"digits/{digit}" for digit in "0123456789")


async def examine(client: AriClient, configuration: Configuration) -> AsyncIterator[Finding]:
    """A finding for each language."""
    profiles = configuration.profiles.values()
    for language in sorted({profile.language for profile in profiles}):
        spoken = [profile for profile in profiles if profile.language == language]
        installed = await _installed(client, language)
        yield _finding(language, spoken, installed)


async def _installed(client: AriClient, language: str) -> set[str]:
    """What plays in `language`: Asterisk falls back from `en_GB` to `en`."""
    found: set[str] = set()
    for each in dict.fromkeys((language, language.partition("_")[0])):
        found |= {sound.id for sound in await client.sounds(lang=each)}
    return found


def _finding(language: str, profiles: Iterable[Profile], installed: Collection[str]) -> Finding:
    profiles = list(profiles)
    needed = {uri.removeprefix(_SOUND) for profile in profiles for uri in _uris(profile) if uri.startswith(_SOUND)}
    missing = sorted(name for name in needed if name not in installed)
    digits = [name for name in _DIGITS if name not in installed]
    if not missing and not digits:
        return ok("sounds", f"{language}: all {len(needed)} prompts are installed, and the digits")
    if digits:
        return failed(
            "sounds",
            f"{language}: Asterisk's own digits are missing ({_some(digits)}): no number could be read aloud",
            f"install Asterisk's core sounds for {language}, then `module reload sounds`",
        )
    if any(name.startswith(f"{FOLDER}/") for name in missing):
        ours = SOUNDS / language
        which = f"{ours}/*.wav" if ours.is_dir() else f"recordings of them (in English they are in {SOUNDS / 'en'})"
        mend = f"copy {which} to sounds/{language}/{FOLDER} in Asterisk's data folder, then `module reload sounds`"
    else:
        mend = "install them, or correct `prompts` in the profile; then `module reload sounds`"
    return warning("sounds", f"{language}: not installed: {_some(missing)}; stand-ins are played instead", mend)


def _uris(profile: Profile) -> Iterable[str]:
    for name in PROMPTS:
        yield from media(Prompt(name), profile.prompts)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

"""A real Asterisk to test against: a PBX, the phones and networks around it, and ears to hear what they hear.

Development only, never shipped. It imports nothing from `callbackd`: the rig is the judge, so it must not share the
defendant's opinions. `rig.rig.Rig` bundles everything; the pytest fixture ``rig`` (`rig.fixtures`) hands one out.
"""

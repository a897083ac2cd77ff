"""The rules of calling people back: no I/O, no clock, no Asterisk. Time always comes in as an argument."""

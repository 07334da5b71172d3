#!/usr/bin/env python3
"""Makes and reads the state of tests/helpers/fake-clock.c.

fakeclock.py new FILE [field=value ...]   makes a clock, by default right and unsynchronised, as after boot
fakeclock.py set FILE field=value ...
fakeclock.py get FILE field ...           prints the values on one line
"""
import struct
import sys

FIELDS = ["offset_ns", "status", "maxerror_us", "esterror_us", "freq", "tick", "steps", "slews", "last_step_ns",
          "last_slew_us", "tells", "errno", "undone", "no_setoffset", "tell_errno", "raw_ns"]
STA_UNSYNC = 0x40


def main(verb, path, *words):
    if verb == "new":
        state = dict.fromkeys(FIELDS, 0) | {"status": STA_UNSYNC, "maxerror_us": 16000000, "tick": 10000}
    else:
        with open(path, "rb") as file:
            state = dict(zip(FIELDS, struct.unpack(f"{len(FIELDS)}q", file.read())))
    if verb == "get":
        print(*(state[word] for word in words))
        return
    for word in words:
        name, value = word.split("=")
        if name not in state:
            sys.exit(f"fakeclock.py: no field {name}")
        state[name] = int(float(value) * 1e9) if "." in value else int(value)
    with open(path, "r+b" if verb == "set" else "wb") as file:
        file.write(struct.pack(f"{len(FIELDS)}q", *state.values()))


main(*sys.argv[1:])

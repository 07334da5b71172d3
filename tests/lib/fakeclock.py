#!/usr/bin/env python3
"""Makes and reads the state of tests/helpers/fake-clock.c.

fakeclock.py new FILE [field=value ...]   makes a clock, by default right and unsynchronised, as after boot
fakeclock.py set FILE field=value ...
fakeclock.py get FILE field ...           prints the values on one line
"""
import struct
import sys
import time

FIELDS = ["offset_ns", "status", "maxerror_us", "esterror_us", "freq", "tick", "steps", "slews", "last_step_ns",
          "last_slew_us", "tells", "errno", "undone", "no_setoffset", "tell_errno", "raw_ns", "drift_ppb", "since_ns"]
STA_UNSYNC = 0x40


def run_on(state):
    """What the clocks have gained at a rate of their own until now."""
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    elapsed = now - state["since_ns"]
    raw = elapsed * state["drift_ppb"] // 10**9
    if raw != 0:
        correction = (state["tick"] - 10000) * 100000 + state["freq"] * 1000 // 65536
        state["raw_ns"] += raw
        state["offset_ns"] += raw + (elapsed + raw) * correction // 10**9
    state["since_ns"] = now


def main(verb, path, *words):
    if verb == "new":
        state = dict.fromkeys(FIELDS, 0) | {"status": STA_UNSYNC, "maxerror_us": 16000000, "tick": 10000}
    else:
        with open(path, "rb") as file:
            state = dict(zip(FIELDS, struct.unpack(f"{len(FIELDS)}q", file.read())))
    if verb == "get":
        run_on(state)
        print(*(state[word] for word in words))
        return
    run_on(state)
    for word in words:
        name, value = word.split("=")
        if name not in state:
            sys.exit(f"fakeclock.py: no field {name}")
        state[name] = int(float(value) * 1e9) if "." in value else int(value)
    with open(path, "r+b" if verb == "set" else "wb") as file:
        file.write(struct.pack(f"{len(FIELDS)}q", *state.values()))


main(*sys.argv[1:])

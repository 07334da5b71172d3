#!/usr/bin/env python3
"""Compares Debian's rdate and guestclock-set: rdategrammar.py RDATE GUESTCLOCK_SET [FORM...] <TABLE

Each form of a request (generated here, or the named ones) goes to both: as arguments to RDATE, and in ssh's environment
to GUESTCLOCK_SET.  Both must accept it and print the same line with the time, or both must refuse it.

TABLE lists the exceptions, one a line: which of the two refuses ("ours" or "theirs"), a tab, a regular expression for
the form, a tab, the reason.  The expression is matched against the form as POSIX's getopt parses it, with each option
apart from the next and from its argument, or against the form itself if getopt cannot parse it.  The table is exact: it
lists every form that only one program refuses, no form that both accept, and each of its lines matches some form.

RDATE never runs without -p.  Sources are needed on all addresses: RFC 868 on ports 37 and 1037, SNTP on 123 and 1123.
"""
import concurrent.futures
import getopt
import os
import re
import subprocess
import sys

HOSTS = ["127.0.0.1", "::1", "localhost"]
FLAGS = ["-4", "-6", "-a", "-c", "-n", "-p", "-s", "-u", "-v"]
ARGUMENTS = {"-b": "1", "-o": "1037", "-t": "60000"}
VALUES = {
    "-b": "0 1 128 0.5 0.000000001 1.0000000001 2145 2146 2145.5 -1 +1 x 1x 1e3 0x10 .5 5. nan inf 99999999999".split(),
    "-o": "37 1037 037 0000037 00000000037 0 65536 65573 -1 +37 x 37x time 0x25 1e3 1".split(),
    "-t": "60000 600000 060000 600001 0 +60000 x 60000x 60000.5 6e4 0x10 9999999999 00000060000".split(),
}
LINE = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} UTC [0-9]{4}")


def understood(form, read=getopt.gnu_getopt):
    """The options and words, as getopt(3) reads them; None if it cannot."""
    try:
        return read(form.split(), "46ab:ceno:pst:uv")
    except getopt.GetoptError:
        return None


def normal(form):
    parsed = understood(form, getopt.getopt)
    if parsed is None:
        return form
    return " ".join([*(" ".join(filter(None, option)) for option in parsed[0]), *parsed[1]])


def written(options, host):
    """The ways to write these options: apart or in one word, with the arguments joined or apart."""
    port = "1123" if "-n" in options else "1037"
    values = {**ARGUMENTS, "-o": port}
    for joined in ("", " "):
        apart = [option + (joined + values[option] if option in values else "") for option in options]
        yield " ".join([*apart, host])
        # A word ends with the first option that has an argument.
        words, word = [], "-"
        for option in options:
            word += option[1]
            if option in values:
                words.append(word + joined + values[option])
                word = "-"
        yield " ".join([*words, *([word] if word != "-" else []), host])


def forms():
    singles = FLAGS + list(ARGUMENTS)
    yield from ("-p", "-p --", "--", "")
    for host in HOSTS + ["allowed.test", "LOCALHOST", "127.0.0.2", "10.37.0.1", "fd00::1", "::ffff:127.0.0.1"]:
        yield from (f"-p {host}", f"-p -- {host}", f"-p4 {host}", f"-p6 {host}", f"{host} -p", f"-p {host} --",
                    f"-p {host} -v", f"-p {host} {host}")
    for host in ("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.256", "127.0.0.1.", "[::1]", "::1%lo",
                 "-", "a;b", "a_b", "a..b", "nowhere.test"):
        yield f"-p {host}"
    for first in singles:
        for host in HOSTS[:2]:
            yield from written([first, "-p"], host)
            yield from written(["-p", first], host)
        for second in singles:
            yield from written(["-p", first, second], HOSTS[0])
            yield from written([first, second, "-p"], HOSTS[0])
    for family in ("", "4"):
        for bits in range(32):
            flags = "".join(flag for at, flag in enumerate("ansuv") if bits >> at & 1)
            yield f"-{flags}p{family} 127.0.0.1"
    for option, values in VALUES.items():
        for value in values:
            yield from (f"-p {option} {value} 127.0.0.1", f"-p{option[1]}{value} 127.0.0.1")
        yield from (f"-p {option}", f"-p 127.0.0.1 {option}", f"-p {option} -- 127.0.0.1")
    yield from ("-p -x 127.0.0.1", "-px 127.0.0.1", "-p --help", "-p --version 127.0.0.1", "-p - 127.0.0.1",
                "-p -e -t2000 127.0.0.1", "-pet2000 ::1", "-p -. 127.0.0.1")


def run(command, environment):
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=20, check=False, text=True, errors="replace")
    lines = [line for line in done.stdout.splitlines() if LINE.fullmatch(line)]
    return done.returncode, lines[0] if lines else "", done.stdout + done.stderr


def ask(rdate, guestclock_set, form):
    """(status, line, all output) of both programs."""
    parsed = understood(form)
    plain = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
    # A form that getopt does not understand gets the usage message only.
    if parsed is not None and parsed[1] and ("-p", "") not in parsed[0]:
        raise ValueError(f"a form without -p: {form}")
    theirs = run([rdate, *form.split()], plain)
    hosts = HOSTS + (parsed[1] if parsed is not None else [])
    ours = run([guestclock_set, "--any-port", *(f"--host={host}" for host in hosts if not host.startswith("-"))], {
        **plain, "LD_PRELOAD": os.environ["PRELOAD"], "FAKE_CLOCK": os.environ["FAKE_CLOCK"],
        "SSH_CONNECTION": "127.0.0.1 40022 192.0.2.22 22", "SSH_ORIGINAL_COMMAND": "rdate " + form})
    return theirs, ours


def refuser(theirs, ours):
    return None if (ours[0] == 0) == (theirs[0] == 0) else "theirs" if ours[0] == 0 else "ours"


def faults(form, theirs, ours, rows):
    """Each difference that should not be, one a line."""
    silent = any(option == "-s" for option, _ in (understood(form) or ([], []))[0])
    alone = refuser(theirs, ours)
    if ours[0] not in (0, 1, 100, 111) or theirs[0] not in (0, 1, 2):
        yield f"status {ours[0]}, theirs {theirs[0]}"
    if ours[0] != 0 and (ours[1] or ours[2].count("\n") != 1):
        yield "refused in other than one line"
    if alone and alone not in [who for who, *_ in rows]:
        yield f"refused by {alone} alone, which the table does not know"
    if alone is None and ours[0] == 0:
        if ours[1] != theirs[1] or (ours[1] == "") != silent:
            yield "another time"
        yield from (f"no difference, and the table says that there is one: {reason}" for _, _, reason in rows)


def main(rdate, guestclock_set, *named):
    table = [(who, re.compile(expression), reason) for who, expression, reason in
             (line.rstrip("\n").split("\t") for line in sys.stdin if line.strip())]
    everything = list(named or dict.fromkeys(forms()))
    sums = {"accepted": 0, "refused": 0, "ours": 0, "theirs": 0}
    used = set()
    wrong = 0

    def compare(form):
        rows = [row for row in table if row[1].search(normal(form))]
        # Try again if the machine was too busy to answer in time: a difference by design appears every time.
        for _ in range(3):
            theirs, ours = ask(rdate, guestclock_set, form)
            found = list(faults(form, theirs, ours, rows))
            if not found:
                break
        return form, theirs, ours, rows, found

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for form, theirs, ours, rows, found in pool.map(compare, everything):
            sums[refuser(theirs, ours) or ("accepted" if ours[0] == 0 else "refused")] += 1
            used.update(rows)
            for fault in found:
                print(f"rdate {form}: {fault}", ours[2], theirs[2], sep="\n    ")
            wrong += len(found)
    for who, expression, reason in table if not named else ():
        if (who, expression, reason) not in used:
            print(f"no form is refused by {who} for: {reason} ({expression.pattern})")
            wrong += 1
    print(f"{len(everything)} forms: {sums['accepted']} accepted by both, {sums['refused']} refused by both, "
          f"{sums['ours']} by guestclock-set alone, {sums['theirs']} by rdate alone; {wrong} wrong")
    return wrong != 0


sys.exit(main(*sys.argv[1:]))

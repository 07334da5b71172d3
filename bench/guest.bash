# shellcheck shell=bash
# shellcheck disable=SC2153 # RUNS, TOOLS: from run and lib.bash
# guestclock and its peers in turn set the real guest's clock, which is really wrong.  tests/guest's clock-compare
# measures the result over UDP.

# bench_guest: boots the guest once, with two of our keys in it.  The tools that set its clock by an ssh command, and
# the preparations, use a connection that stays open; guestclock opens a new one.
bench_guest() {
	[[ -z ${GUEST_DIR-} ]] || return 0
	guest_start
	sed 's/^Host guest\.test 127\.0\.0\.1$/Host */' "$GUEST_DIR/ssh_config" >"$WORK/guest.new"
	forced_command /usr/libexec/guestclock-set >"$WORK/line"
	guest_authorize "$(<"$WORK/line")"
	printf '	%s\n' "IdentityFile $WORK/key" >>"$WORK/guest.new"
	{
		cat "$WORK/guest.new"
		printf '	%s\n' 'ControlMaster auto' "ControlPath $WORK/masters/%n" 'ControlPersist 600'
	} >"$WORK/guest.mux"
	sed -e "s|$WORK/key|$GUEST_DIR/admin_key|" -e "s|masters/%n|masters/admin.%n|" "$WORK/guest.mux" >"$WORK/admin.mux"
	sed -e "s|$WORK/key|$GUEST_DIR/admin_key|" "$WORK/guest.new" >"$WORK/admin.new"
	guest_put "$TOOLS/shift-clock" /usr/bin/shift-clock
	{ in_guest true && guest_set status >/dev/null; } || die 'the guest does not let us in'
}

# in_guest COMMAND...: runs COMMAND as root, over the administrator's open connection
in_guest() { timeout 60 ssh -F "$WORK/admin.mux" guest.test "$@" </dev/null; }
# guest_set REQUEST: sends REQUEST to guestclock-set in the guest
guest_set() { timeout 60 ssh -F "$WORK/guest.mux" guest.test "$@" </dev/null; }

# python_files SCRIPT: prints the Python modules that SCRIPT loads
python_files() {
	PYTHONPATH=$WORK/python /usr/bin/python3 -s - "$1" <<-'END'
		import contextlib, os, runpy, sys
		script = sys.argv[1]
		sys.argv = [script, "--help"]
		with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
		    try:
		        runpy.run_path(script, run_name="__main__")
		    except SystemExit:
		        pass
		import encodings.idna, encodings.ascii, encodings.latin_1, locale
		files = {getattr(m, "__file__", None) for m in sys.modules.values()}
		print("\n".join(sorted(f for f in files if f and f.startswith("/"))))
	END
}

# peers_into_guest: copies chronyd, and ntpdate with the Python that it needs
peers_into_guest() {
	local root=$WORK/root file
	local ntp=("$PEERS"/usr/lib/*/ntp/libntpc.so)
	mkdir -p "$root"/usr/{bin,sbin,lib/python3} "$root/var/lib/chrony" "$WORK/python"
	cp -rL "$PEERS/usr/lib/python3/dist-packages/ntp" "$WORK/python/"
	cp -L "${ntp[0]}" "$WORK/python/ntp/"
	cp "$PEERS/usr/sbin/chronyd" "$PEERS/usr/sbin/ntpdate" "$root/usr/sbin/"
	cp "$PEERS/usr/bin/ntpdig" "$root/usr/bin/"
	cp -L /usr/bin/python3 "$root/usr/bin/python3"
	python_files "$PEERS/usr/bin/ntpdig" >"$WORK/modules"
	{
		cat "$WORK/modules"
		grep '\.so$' "$WORK/modules" | xargs ldd "$PEERS/usr/sbin/chronyd" /usr/bin/python3 "${ntp[0]}" |
			awk '$2 == "=>" && $3 ~ /^\// { print $3 }'
	} | sort -u | while read -r file; do
		case $file in "$WORK"/*) continue ;; esac
		mkdir -p "$root${file%/*}"
		cp -L "$file" "$root$file"
	done
	# Python searches this directory by default.
	file=$(/usr/bin/python3 -I -S -c 'import os; print(os.path.dirname(os.__file__))')
	mkdir -p "$root$file"
	cp -r "$WORK/python/ntp" "$root$file/"
	tar -C "$root" -cf - . | timeout 120 ssh -F "$WORK/admin.mux" guest.test 'tar -C / -xf -' || die 'cannot copy the peers into the guest'
}

# time_servers: starts NTP on port 123, a chronyd that never adjusts a clock, and RFC 868 on port 37
time_servers() {
	printf '%s\n' 'local stratum 1' 'allow 127.0.0.0/8' 'bindaddress 127.0.0.1' 'cmdport 0' 'bindcmdaddress /' \
		"pidfile $WORK/chronyd.pid" >"$WORK/chrony.conf"
	background setpriv --bounding-set -sys_time --inh-caps -sys_time "$PEERS/usr/sbin/chronyd" -x -u root -d -f "$WORK/chrony.conf"
	guest_wait 5 listens udp 123 || die 'chronyd does not serve'
	# Bind the socket here and hand it to in.timed, as a superserver does.
	background /usr/bin/python3 -I -S -c 'import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 37))
os.dup2(s.fileno(), 0)
os.execv(sys.argv[1], ["in.timed", "-i", "3600"])' "$TOP/build/in.timed"
	guest_wait 5 listens udp 37 || die 'in.timed does not serve'
}

# offset_ns: prints the guest's clock minus ours, in nanoseconds
offset_ns() {
	local offset sign=1
	read -r offset _ < <(guest_clock 8)
	[[ $offset != -* ]] || sign=-1
	offset=${offset#[-+]}
	printf '%s\n' $((sign * (10#${offset%.*} * 1000000000 + 10#${offset#*.})))
}

# The tools, each as one command.
set_by_guestclock() { measured "$1.took" "$GUESTCLOCK" sync --state "$WORK/state" --ssh-config "$WORK/guest.new" guest.test; }
set_by_chronyd() {
	measured "$1.took" ssh -F "$WORK/admin.mux" guest.test "chronyd -q -u root -t 20 'server 10.0.2.2 iburst' 'cmdport 0' 'pidfile /run/chronyd.pid'"
}
set_by_ntpdate() { measured "$1.took" ssh -F "$WORK/admin.mux" guest.test 'ntpdate -b 10.0.2.2'; }
set_by_rdate() { measured "$1.took" ssh -F "$WORK/guest.mux" guest.test 'rdate -se 10.0.2.2'; }
set_by_date() { measured "$1.took" ssh -F "$WORK/admin.mux" guest.test "date -s @$EPOCHSECONDS"; }

# try TOOL CASE NANOSECONDS: makes the clock wrong by NANOSECONDS, sets it with TOOL, and records the remaining offset
try() {
	local name=guest.$1.$2 by
	by=$(($3 - $(offset_ns)))
	in_guest "shift-clock $by" || die 'cannot make the guest wrong'
	"set_by_$1" "$name" </dev/null >"$WORK/tool.out" 2>&1
	guest_clock 64 >>"$WORK/$name"
	[[ $(tail -n 1 "$WORK/$name.took") == *' 0' ]] || printf 'bench: %s failed: %s\n' "$1" "$(tail -n 1 "$WORK/tool.out")" >&2
}

part_guest() {
	local case tool round every seldom=$(((RUNS + 3) / 4)) half=$(((RUNS + 1) / 2))
	local -A wrong=([18-years]=-589000000123456789 [30-s]=-30123456789 [0.4-s]=-400000000) count=()
	# shellcheck disable=SC2016
	local -A label=([guestclock]='`guestclock sync`' [chronyd]='`chronyd -q`, iburst' [ntpdate]='`ntpdate -b`'
		[rdate]='`rdate -se`, by guestclock-set' [date]='`ssh guest date -s @…`')
	local tools=(guestclock ntpdate date chronyd rdate)
	title "A real guest, its clock really wrong: what is left after one set, judged over UDP"
	bench_guest
	peers_into_guest
	time_servers
	count=([guestclock]=$RUNS [ntpdate]=$half [date]=$half [chronyd]=$seldom [rdate]=$seldom)
	for ((round = 0; round < RUNS; round++)); do
		for case in 18-years 30-s 0.4-s; do
			for tool in "${tools[@]}"; do
				# Spread the runs of each tool over all rounds.
				every=$(((round + 1) * count[$tool] / RUNS - round * count[$tool] / RUNS))
				((every == 0)) || try "$tool" "$case" "${wrong[$case]}"
			done
		done
	done
	header tool 'wrong by' tries 'left: median' worst 'takes: median'
	for tool in "${tools[@]}"; do
		for case in 18-years 30-s 0.4-s; do
			guest_row "$tool" "$case" "${label[$tool]}"
		done
	done
	printf '\nguestclock sync over a new ssh connection each time, the others over one that is kept; the judge is right within %s (median of its bounds).\n\n' \
		"$(ms "$(cat "$WORK"/guest.*.*[ys] | awk '{ print $2 }' | median)")"
	for case in 18-years 30-s 0.4-s; do
		guest_targets "$case"
	done
}

left() { awk '{ print $1 }' "$WORK/guest.$1.$2" | magnitudes; }

guest_row() {
	local name=guest.$1.$2 tries failed
	tries=$(wc -l <"$WORK/$name")
	failed=$(awk '$5 != 0' "$WORK/$name.took" | wc -l)
	((failed == 0)) && failed= || failed=", $failed failed"
	row "$3" "${2/-/ }" "$tries$failed" "$(ms "$(left "$1" "$2" | median)")" "$(ms "$(left "$1" "$2" | quantile 1)")" \
		"$(ms_ns "$(column "$name.took" 1 | median)")"
}

guest_targets() {
	local middle worst
	middle=$(left guestclock "$1" | median)
	worst=$(left guestclock "$1" | quantile 1)
	target "wrong by ${1/-/ }: median of what guestclock leaves at most 0.1 ms" "$middle <= 0.1e-3" "$(ms "$middle")"
	target "wrong by ${1/-/ }: worst at most 0.5 ms" "$worst <= 0.5e-3" "$(ms "$worst")"
}

# shellcheck shell=bash
# shellcheck disable=SC2153 # RUNS, GUESTCLOCK: from run and lib.bash
# guestclock watch: how soon a guest is right after a pause and a restore, how right it stays, and what it costs.
#
# The judge is tests/guest's clock-compare, over UDP.  BENCH_RUNS below 20 makes pauses and quiet runs shorter.

# watch_boot NAME PPM [OPTION...]: boots a guest that runs PPM slow, with our key
watch_boot() {
	local name=$1 slow=()
	((!$2)) || slow=(--tsc-early-khz "$(calc "int($WATCH_KHZ * (1 + $2 / 1e6) + 0.5)")")
	shift 2
	guest_start --mem 128 "${slow[@]}" --dir "$WORK/watch.$name" "$@"
	sed "s/^Host guest\.test $(guest_address)\$/Host */" "$GUEST_DIR/ssh_config" >"$WORK/watch.$name.config"
	cp "$WORK/watch.$name.config" "$WORK/admin.mux"
	printf '	%s\n' "IdentityFile $WORK/key" >>"$WORK/watch.$name.config"
	printf '	%s\n' "IdentityFile $GUEST_DIR/admin_key" >>"$WORK/admin.mux"
	forced_command /usr/libexec/guestclock-set >"$WORK/line"
	guest_authorize "$(<"$WORK/line")"
}

# watch_begin NAME: starts watch; it has corrected the guest when this returns
watch_begin() {
	: >"$WORK/watch.$1.json"
	# shellcheck disable=SC2016
	background sh -c 'exec "$0" watch --json --state "$1" --ssh-config "$2" guest.test >>"$3" 2>&1' "$GUESTCLOCK" \
		"$WORK/watch.state.$1" "$WORK/watch.$1.config" "$WORK/watch.$1.json"
	WATCH_PID=$PID
	guest_wait 30 watch_is_right || die "watch does not set the guest right: $(tail -n 1 "$WORK/watch.$1.json")"
}

# watch_is_right: the guest is within 1 ms of the host, as far as the judge can tell
watch_is_right() {
	local offset bound
	read -r offset bound _ < <(guest_clock 1) && awk -v o="$offset" -v b="$bound" \
		'BEGIN { exit !((o < 0 ? -o : o) - b <= 0.001) }'
}

# watch_until_right SECONDS: prints how long it takes from now, at most SECONDS
watch_until_right() {
	local start=${EPOCHREALTIME/./} now
	now=$start
	while ((now - start < $1 * 1000000)); do
		! watch_is_right || break
		now=${EPOCHREALTIME/./}
	done
	calc "(${EPOCHREALTIME/./} - $start) / 1e6"
}

# watch_after NAME PAUSE COUNT: pauses the guest COUNT times
watch_after() {
	local at
	: >"$WORK/watch.$1.$2"
	for ((at = 0; at < $3; at++)); do
		sleep "2.$((RANDOM % 10))"
		guest_pause "$2" || die 'cannot pause the guest'
		watch_until_right 60 >>"$WORK/watch.$1.$2"
	done
	row "${WATCH_LABEL[$1]}" "a pause of $2 s" "$3" "$(ms "$(median <"$WORK/watch.$1.$2")")" \
		"$(ms "$(quantile 0.9 <"$WORK/watch.$1.$2")")" "$(ms "$(quantile 1 <"$WORK/watch.$1.$2")")"
}

# watch_restored NAME COUNT: restores a snapshot in a new QEMU process, COUNT times.  Counts from the guest's first
# answer over UDP.
watch_restored() {
	local at
	: >"$WORK/watch.$1.restored"
	guest_save
	for ((at = 0; at < $2; at++)); do
		sleep 3
		guest_restore || die 'cannot restore the guest'
		watch_until_right 60 >>"$WORK/watch.$1.restored"
		# What one new session takes, from its start to its greeting.
		sleep 2
		measured "watch.$1.greeting" timeout 60 ssh -F "$WORK/watch.$1.config" guest.test exchange </dev/null >/dev/null
	done
	row "${WATCH_LABEL[$1]}" 'a restored snapshot' "$2" "$(ms "$(median <"$WORK/watch.$1.restored")")" \
		"$(ms "$(quantile 0.9 <"$WORK/watch.$1.restored")")" "$(ms "$(quantile 1 <"$WORK/watch.$1.restored")")"
}

# watch_greeting NAME: prints the median of the seconds from a session's start to its end at once
watch_greeting() { calc "$(column "watch.$1.greeting" 1 | median) / 1e9"; }

# watch_quiet NAME LOOKS: looks at the guest every 10 s; the offset less the judge's bound
watch_quiet() {
	local at
	for ((at = 0; at < $2; at++)); do
		sleep 10
		guest_clock 16 >>"$WORK/watch.$1.quiet"
	done
}

watch_quiet_row() { # NAME LABEL
	awk '{ o = $1 < 0 ? -$1 : $1; print (o > $2 ? o - $2 : 0) }' "$WORK/watch.$1.quiet" >"$WORK/watch.$1.beyond"
	awk '{ print $1 }' "$WORK/watch.$1.quiet" | magnitudes >"$WORK/watch.$1.left"
	row "$2" "$(wc -l <"$WORK/watch.$1.quiet")" "$(ms "$(median <"$WORK/watch.$1.left")")" \
		"$(ms "$(quantile 0.95 <"$WORK/watch.$1.left")")" "$(ms "$(quantile 0.95 <"$WORK/watch.$1.beyond")")"
}

# watch_chronyd: chronyd in the guest, as Debian configures it, with the host as its one server
watch_chronyd() {
	# shellcheck disable=SC2016
	in_guest 'mkdir -p /run/chrony /var/lib/chrony; printf "%s\n" "server 10.0.2.2 iburst" "makestep 1 3" rtcsync \
		"maxupdateskew 100" "driftfile /var/lib/chrony/drift" "cmdport 0" "pidfile /run/chronyd.pid" >/etc/chrony.conf
		chronyd -u root -f /etc/chrony.conf' || die 'chronyd does not start in the guest'
}

# watch_cost COUNT SECONDS: watch keeps COUNT guests that bench/fake-ssh plays, at 1 s
watch_cost() {
	local count=$1 before after seconds=$2 ticks memory
	mkdir -p "$WORK/fake.bin"
	cp "$TOOLS/fake-ssh" "$WORK/fake.bin/ssh"
	seq -f 'guest%g' "$count" >"$WORK/watch.list"
	# shellcheck disable=SC2016
	background env FAKE_SSH_RAW=1 PATH="$WORK/fake.bin:$PATH" sh -c 'exec "$0" watch -j 100 --state "$1" -f "$2" >"$3" 2>&1' \
		"$GUESTCLOCK" "$WORK/watch.state.cost$count" "$WORK/watch.list" "$WORK/watch.cost"
	sleep $((count / 30 + 10))
	before=$(awk '{ print $14 + $15 }' "/proc/$PID/stat")
	sleep "$seconds"
	after=$(awk '{ print $14 + $15 }' "/proc/$PID/stat")
	memory=$(awk '/^Pss:/ { print $2 }' "/proc/$PID/smaps_rollup")
	ticks=$(getconf CLK_TCK)
	WATCH_SHARE=$(calc "($after - $before) / $ticks / $seconds")
	WATCH_READING=$(calc "$WATCH_SHARE / $count * 1e6")
	WATCH_MEMORY=$(calc "$memory / 1024")
	row "$count" "$(calc "int($WATCH_READING * 10 + 0.5) / 10") µs" "$(calc "int($WATCH_SHARE * 1e4 + 0.5) / 100") %" \
		"$(calc "int($WATCH_MEMORY * 100 + 0.5) / 100") MiB"
	stop "$PID"
}

part_watch() {
	local short=2 long=60 times=$RUNS round rounds=3 looks=60 name
	local -A WATCH_LABEL=([user]="QEMU's own network" [tap]='a tap interface')
	((RUNS >= 20)) || long=10 rounds=1 looks=12
	times=$(((RUNS + 1) / 2))
	title 'guestclock watch: from the end of a disturbance until the guest is within 1 ms of the host'
	guest_start
	WATCH_KHZ=$(guest_tsc_khz)
	guest_stop
	header network 'after' times median '9 of 10' worst
	for name in user tap; do
		if [[ $name == tap ]]; then
			ip tuntap add dev guesttap mode tap || die 'cannot make a tap interface'
			ip addr add 10.0.2.2/24 dev guesttap
			ip link set guesttap up
			watch_boot tap 0 --tap guesttap
		else
			watch_boot user 0
		fi
		watch_begin "$name"
		watch_after "$name" "$short" "$times"
		watch_after "$name" "$long" "$times"
		((RUNS < 20)) || watch_after "$name" 600 1
		watch_restored "$name" 3
		stop "$WATCH_PID"
		guest_stop
		printf '%s\n' "$(grep -c . "$WORK/watch.$name.json")" >"$WORK/watch.$name.events"
	done
	printf '\n'
	for name in user tap; do
		target "${WATCH_LABEL[$name]}: right within 1 s more than a session takes to its greeting, after a restore" \
			"$(median <"$WORK/watch.$name.restored") - $(watch_greeting "$name") <= 1" \
			"$(ms "$(median <"$WORK/watch.$name.restored")") to $(ms "$(watch_greeting "$name")")"
		target "${WATCH_LABEL[$name]}: right within 0.7 s (median)" \
			"$(cat "$WORK/watch.$name.$short" "$WORK/watch.$name.$long" | median) <= $([[ $name == tap ]] && echo 0.2 || echo 0.7)" \
			"$(ms "$(cat "$WORK/watch.$name.$short" "$WORK/watch.$name.$long" | median)")"
		target "${WATCH_LABEL[$name]}: right within 1 s (9 of 10)" \
			"$(cat "$WORK/watch.$name.$short" "$WORK/watch.$name.$long" | quantile 0.9) <= 1" \
			"$(ms "$(cat "$WORK/watch.$name.$short" "$WORK/watch.$name.$long" | quantile 0.9)")"
	done

	title 'Quiet: what is found every 10 s, with watch and with chronyd in the same guest'
	listens udp 123 || time_servers
	watch_boot quiet 0 --mem 256
	peers_into_guest
	for ((round = 0; round < rounds; round++)); do
		watch_begin quiet
		sleep 60
		watch_quiet quiet "$looks"
		stop "$WATCH_PID"
		watch_chronyd
		guest_wait 60 watch_is_right || :
		sleep 60
		: >>"$WORK/watch.chronyd.quiet"
		watch_quiet chronyd "$looks"
		# shellcheck disable=SC2016
		in_guest 'kill "$(cat /run/chronyd.pid)"'
	done
	guest_stop
	watch_boot slow 740
	watch_begin slow
	sleep 60
	watch_quiet slow "$looks"
	stop "$WATCH_PID"
	guest_stop
	header 'kept by' looks 'offset: median' '95 in 100' "beyond the judge's bound: 95 in 100"
	# shellcheck disable=SC2016
	watch_quiet_row quiet '`guestclock watch`'
	watch_quiet_row chronyd 'chronyd in the guest'
	# shellcheck disable=SC2016
	watch_quiet_row slow '`guestclock watch`, 740 ppm slow'
	printf '\n'
	target 'watch: at most 0.15 ms beyond the bound in 57 of 60 looks' "$(quantile 0.95 <"$WORK/watch.quiet.beyond") <= 0.15e-3" \
		"$(ms "$(quantile 0.95 <"$WORK/watch.quiet.beyond")")"
	target 'watch, 740 ppm slow: the same' "$(quantile 0.95 <"$WORK/watch.slow.beyond") <= 0.15e-3" \
		"$(ms "$(quantile 0.95 <"$WORK/watch.slow.beyond")")"
	target "watch: the median is at most 1.2 times chronyd's" \
		"$(median <"$WORK/watch.quiet.left") <= 1.2 * $(median <"$WORK/watch.chronyd.left")" \
		"$(ms "$(median <"$WORK/watch.quiet.left")") to $(ms "$(median <"$WORK/watch.chronyd.left")")"

	title 'What watch itself costs on the host, at one reading a second'
	header guests 'processor time for a reading' 'of a core' 'memory (PSS)'
	watch_cost 1 30
	watch_cost 200 30
	target '200 guests: at most 50 µs for a reading' "$WATCH_READING <= 50" "$(calc "int($WATCH_READING * 10) / 10") µs"
	target '200 guests: at most 2 % of a core' "$WATCH_SHARE <= 0.02" "$(calc "int($WATCH_SHARE * 1e4) / 100") %"
	watch_cost 1000 30
	target '1,000 guests: at most 8 MiB' "$WATCH_MEMORY <= 8" "$(calc "int($WATCH_MEMORY * 100) / 100") MiB"
}

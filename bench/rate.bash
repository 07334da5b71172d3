# shellcheck shell=bash
# shellcheck disable=SC2153 # RUNS, GUESTCLOCK: from run and lib.bash
# Guests whose clocks run at a wrong rate, corrected every 20 s: by guestclock sync, by sync without rates, and by rdate from
# cron.  What is found before each correction is measured over UDP.

RATE_PERIOD=20

# rate_guest RATE METHOD PPM: boots a guest that runs PPM slow
rate_guest() {
	guest_start --mem 128 --tsc-early-khz "$(calc "int($RATE_KHZ * (1 + $3 / 1e6) + 0.5)")" --dir "$WORK/rate.$1.$2"
	sed 's/^Host guest\.test 127\.0\.0\.1$/Host */' "$GUEST_DIR/ssh_config" >"$WORK/rate.$1.$2.config"
	printf '	%s\n' "IdentityFile $WORK/key" >>"$WORK/rate.$1.$2.config"
	forced_command /usr/libexec/guestclock-set >"$WORK/line"
	guest_authorize "$(<"$WORK/line")"
}

# rate_sync NAME [OPTION...]: prints the JSON of a sync
rate_sync() {
	local name=$1
	shift
	"$GUESTCLOCK" sync --json --state "$WORK/rate.state.$name" --ssh-config "$WORK/rate.$name.config" "$@" guest.test </dev/null
}

rate_correct() { # NAME
	case $1 in
	*.sync) rate_sync "$1" ;;
	*.no-rate) rate_sync "$1" --no-rate ;;
	*.rdate) timeout 20 ssh -F "$WORK/rate.$1.config" guest.test 'rdate -us 10.0.2.2' </dev/null ;;
	esac >"$WORK/rate.out" 2>&1 || printf 'bench: %s failed: %s\n' "$1" "$(tail -n 1 "$WORK/rate.out")" >&2
}

# rate_learnt: prints the guest's rate in ppm from the last sync's output
rate_learnt() { figures rate <"$WORK/rate.out"; }

# rate_disturbed RATE WHAT COMMAND...: the learnt rate before and after COMMAND differ by at most 1 ppm
rate_disturbed() {
	local name=$1.sync before after
	GUEST_DIR=$WORK/rate.$name
	rate_correct "$name"
	before=$(rate_learnt)
	"${@:3}" || die "cannot disturb the guest: ${*:3}"
	rate_correct "$name"
	after=$(rate_learnt)
	target "$1 slow: after $2 the learnt rate is within 1 ppm of before" "($after - $before) ^ 2 <= 1" \
		"$(calc "$after - $before") ppm"
}

rate_restored() {
	guest_save
	sleep 10
	guest_restore
}

part_rate() {
	local looks=$((RUNS + 4)) look method rate name end
	local -A slow=([740-ppm]=740 [1-percent]=10000)
	# shellcheck disable=SC2016
	local -A label=([sync]='`guestclock sync`' [no-rate]='the same with --no-rate' [rdate]='`rdate -us` in cron')
	title "Guests that run slow, corrected every $RATE_PERIOD s: what each look finds, from the fourth on"
	guest_start
	RATE_KHZ=$(guest_tsc_khz)
	guest_stop
	listens udp 37 || time_servers
	for rate in 740-ppm 1-percent; do
		for method in sync no-rate rdate; do
			rate_guest "$rate" "$method" "${slow[$rate]}"
		done
	done
	for ((look = 1; look <= looks; look++)); do
		end=$((EPOCHSECONDS + RATE_PERIOD))
		for rate in 740-ppm 1-percent; do
			for method in sync no-rate rdate; do
				name=$rate.$method
				GUEST_DIR=$WORK/rate.$name
				((look <= 3)) || guest_clock 16 >>"$WORK/rate.$name.found"
				rate_correct "$name"
			done
		done
		while ((look < looks && EPOCHSECONDS < end)); do sleep 0.2; done
	done
	header 'rate' method looks 'found: median' '95 in 100' worst
	for rate in 740-ppm 1-percent; do
		for method in sync no-rate rdate; do
			name=$rate.$method
			awk '{ print $1 }' "$WORK/rate.$name.found" | magnitudes >"$WORK/rate.$name.left"
			row "$rate slow" "${label[$method]}" "$(wc -l <"$WORK/rate.$name.left")" "$(ms "$(median <"$WORK/rate.$name.left")")" \
				"$(ms "$(quantile 0.95 <"$WORK/rate.$name.left")")" "$(ms "$(quantile 1 <"$WORK/rate.$name.left")")"
		done
	done
	printf '\nThe judge is right within %s (median of its bounds).\n\n' \
		"$(ms "$(cat "$WORK"/rate.*.found | awk '{ print $2 }' | median)")"
	for rate in 740-ppm 1-percent; do
		target "$rate slow: found at most 0.4 ms in 95 of 100 looks" "$(quantile 0.95 <"$WORK/rate.$rate.sync.left") <= 0.4e-3" \
			"$(ms "$(quantile 0.95 <"$WORK/rate.$rate.sync.left")")"
		rate_disturbed "$rate" 'a pause of 10 s' guest_pause 10
		rate_disturbed "$rate" 'a restored snapshot' rate_restored
	done
	for rate in 740-ppm 1-percent; do
		for method in sync no-rate rdate; do
			GUEST_DIR=$WORK/rate.$rate.$method
			guest_stop
		done
	done
	unset GUEST_DIR
}

# shellcheck shell=bash
# shellcheck disable=SC2153 # RUNS, TOOLS: from run and lib.bash
# The time of a sync compared with a bare `ssh GUEST true`, in turn.

part_time() {
	# shellcheck disable=SC2016
	title 'Time for one guest: `guestclock sync` beside `ssh GUEST true`, in turn'
	sshd_start
	bench_guest
	local time_targets=()
	# shellcheck disable=SC2016
	header guest pairs '`ssh … true`' '`guestclock sync`' 'eight round trips' 'ratio, without those'
	# On the loopback sshd the clock is right and may not be set.  The whole exchange takes place, until
	# guestclock-set refuses to report the bound to its kernel.
	time_pairs 'loopback sshd' new m1 $((RUNS * 2))
	local judged=${#time_targets[@]}
	# Under emulation every start of a program is slow, and "true" is built into the shell: print these figures
	# without a target.
	time_pairs 'emulated guest' guest.new guest.test $(((RUNS + 1) / 2))
	printf '\n'
	local at
	for ((at = 0; at < judged; at += 3)); do
		target "${time_targets[@]:at:3}"
	done
}

# time_pairs LABEL CONFIG GUEST PAIRS
time_pairs() {
	local label=$1 config=$2 guest=$3 pairs=$4 pair bare sync trips ratio
	# Make the clock right first.
	"$GUESTCLOCK" sync --state "$WORK/state" --ssh-config "$WORK/$config" "$guest" || die "$label: sync failed"
	for ((pair = 0; pair < pairs; pair++)); do
		measured "time.$config.bare" ssh -F "$WORK/$config" "$guest" true </dev/null
		measured "time.$config.sync" "$GUESTCLOCK" sync --json --state "$WORK/state" --ssh-config "$WORK/$config" "$guest" \
			</dev/null >>"$WORK/time.$config.json"
	done
	[[ $(cat "$WORK/time.$config".{bare,sync} | awk '$5 != 0' | wc -l) = 0 ]] || die "$label: a run failed"
	bare=$(column "time.$config.bare" 1 | median)
	sync=$(column "time.$config.sync" 1 | median)
	trips=$(calc "8e9 * $(figures delay <"$WORK/time.$config.json" | median)")
	ratio=$(awk "BEGIN { printf \"%.2f\", ($sync - $trips) / $bare }")
	row "$label" "$pairs" "$(ms_ns "$bare")" "$(ms_ns "$sync")" "$(ms_ns "$trips")" "$ratio"
	time_targets+=("$label: at most 1.15 times ssh and eight round trips" "$ratio <= 1.15" "$ratio")
}

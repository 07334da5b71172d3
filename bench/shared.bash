# shellcheck shell=bash
# One clock on both sides: any measured offset is an error.

part_shared() {
	local count=200 number busy offsets bounds inside offset bound
	title "One clock on both sides: $count measurements over loopback ssh connections, one processor kept busy"
	sshd_start
	for ((number = 1; number <= count; number++)); do printf 'm%d\n' "$number"; done >"$WORK/same.list"
	"$GUESTCLOCK" check --state "$WORK/state" --ssh-config "$WORK/new" m1 >/dev/null || die 'the first measurement failed'
	# Keep one of our processors busy; on a machine with only one, this takes half of it.
	background taskset -c "$(taskset -cp $$ | sed 's/.*[ ,-]//')" sh -c 'while :; do :; done'
	busy=$PID
	measured shared "$GUESTCLOCK" check --json -j 1 --state "$WORK/state" --ssh-config "$WORK/new" -f "$WORK/same.list" \
		>"$WORK/shared.json" || :
	stop "$busy"
	figures offset <"$WORK/shared.json" | magnitudes >"$WORK/shared.offset"
	figures bound <"$WORK/shared.json" >"$WORK/shared.bound"
	offsets=$(wc -l <"$WORK/shared.offset")
	inside=$(paste "$WORK/shared.offset" "$WORK/shared.bound" | awk '$1 <= $2' | wc -l)
	offset=$(median <"$WORK/shared.offset")
	bound=$(median <"$WORK/shared.bound")
	bounds=$(quantile 0.99 <"$WORK/shared.bound")
	header '' median 'of 100, the 99th' worst
	row 'measured offset (magnitude)' "$(us "$offset")" "$(us "$(quantile 0.99 <"$WORK/shared.offset")")" \
		"$(us "$(quantile 1 <"$WORK/shared.offset")")"
	row 'its stated bound' "$(us "$bound")" "$(us "$bounds")" "$(us "$(quantile 1 <"$WORK/shared.bound")")"
	printf '\n%d measured, %s each.\n\n' "$offsets" "$(ms_ns "$(calc "$(column shared 1) / $count")")"
	target 'median of the measured offset at most 5 µs' "$offset <= 5e-6" "$(us "$offset")"
	target 'median of the bound at most 40 µs' "$bound <= 40e-6" "$(us "$bound")"
	target "the bound contains the truth every time" "$inside == $count" "$inside of $count"
}

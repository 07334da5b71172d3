# shellcheck shell=bash
# shellcheck disable=SC2153 # RUNS, TOOLS: from run and lib.bash
# Many guests: 200 addresses of one loopback sshd, and 1,000 fakes to measure the cost of guestclock itself.

part_scale() {
	sshd_start
	scale_rate
	scale_cost
}

# scale_rate: guests a second, compared with xargs
scale_rate() {
	local count=200 pairs=$(((RUNS + 3) / 4)) number pair ours theirs
	title "Many guests: $count addresses of one sshd, 16 at once"
	for ((number = 1; number <= count; number++)); do printf 'g%d\n' "$number"; done >"$WORK/many.list"
	for ((pair = 0; pair < pairs; pair++)); do
		measured scale.xargs xargs -P 16 -I '{}' ssh -F "$WORK/new" '{}' true <"$WORK/many.list"
		scale_check new
	done
	[[ $(cat "$WORK"/scale.* | awk '$5 != 0' | wc -l) = 0 ]] || die 'a run failed'
	theirs=$(scale_each xargs) ours=$(scale_each new)
	header '' runs 'guests a second' 'processor time each, this side'
	# shellcheck disable=SC2016
	{
		scale_row '`xargs -P 16 ssh … true`' xargs
		scale_row '`guestclock check -j 16`' new
	}
	printf '\n'
	target 'at least 0.9 of the rate of xargs' "$theirs / $ours >= 0.9" "$(printf %.2f "$(calc "$theirs / $ours")")"
}

scale_check() {
	measured "scale.$1" "$GUESTCLOCK" check --json -j 16 --state "$WORK/state" --ssh-config "$WORK/$1" -f "$WORK/many.list" \
		</dev/null >"$WORK/many.json"
}

# scale_each NAME: prints the seconds for each guest
scale_each() { calc "$(column "scale.$1" 1 | median) / 200e9"; }

scale_row() {
	row "$1" "$(wc -l <"$WORK/scale.$2")" "$(printf %.1f "$(calc "1 / $(scale_each "$2")")")" \
		"$(ms_ns "$(calc "$(column "scale.$2" 3 | median) / 200")")"
}

# scale_cost: processor time and memory from 10 to 1,000 guests, with a program in place of ssh
scale_cost() {
	local guests run number runs=$RUNS small large memory=0 most parallel
	local -A own=()
	title "guestclock's own cost: 10 to 1,000 guests, ssh being a program that answers at once"
	((runs <= 10)) || runs=10
	mkdir -p "$WORK/bin"
	cp "$TOOLS/fake-ssh" "$WORK/bin/ssh"
	for ((number = 1; number <= 1000; number++)); do printf 'm%d\n' "$number"; done >"$WORK/cost.list"
	header guests 'at once' runs 'takes: median' 'own processor time each: least' 'with the stand-in' 'memory: most'
	# In turn, so that other load on the machine affects all of them.
	for ((run = 0; run < runs; run++)); do
		for parallel in 16 1000; do
			for guests in 10 100 1000; do
				head -n "$guests" "$WORK/cost.list" >"$WORK/cost.some"
				PATH=$WORK/bin:$PATH measured "cost.$parallel.$guests" "$GUESTCLOCK" check --json -j "$parallel" \
					--state "$WORK/state" -f "$WORK/cost.some" </dev/null >"$WORK/cost.json"
				[[ $(grep -c '"result":"ok"' "$WORK/cost.json") = "$guests" ]] || die 'a stand-in was not measured'
			done
		done
	done
	for parallel in 16 1000; do
		for guests in 10 100 1000; do
			# Use the smallest: any disturbance adds to it.
			own[$parallel.$guests]=$(column "cost.$parallel.$guests" 2 | quantile 0)
			most=$(column "cost.$parallel.$guests" 4 | quantile 1)
			((${most%.*} <= memory)) || memory=${most%.*}
			row "$guests" "$parallel" "$runs" "$(ms_ns "$(column "cost.$parallel.$guests" 1 | median)")" \
				"$(ms_ns "$(calc "${own[$parallel.$guests]} / $guests")")" \
				"$(ms_ns "$(calc "$(column "cost.$parallel.$guests" 3 | quantile 0) / $guests")")" \
				"$(printf '%.1f MiB' "$(calc "$most / 1024")")"
		done
	done
	printf '\n'
	target 'memory at 1,000 guests below 8 MiB' "$memory < 8192" "$(printf '%.1f MiB' "$(calc "$memory / 1024")")"
	# The cost of each further guest is constant if the cost is linear.
	for parallel in 16 1000; do
		small=$(calc "(${own[$parallel.100]} - ${own[$parallel.10]}) / 90")
		large=$(calc "(${own[$parallel.1000]} - ${own[$parallel.100]}) / 900")
		target "-j $parallel: each guest from the 100th on costs at most 1.25 times what one before costs" \
			"$large <= 1.25 * $small" "$(printf %.2f "$(calc "$large / $small")")"
	done
}

#!/usr/bin/env bats
# Work that a peer can cause in the C library: look-ups of link-local addresses, which have a scope, and of names, which
# depend on a name server, resolv.conf and /etc/hosts.  Whatever these say, no process dies, and the next client is
# served.

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/superserver
load ../lib/set
load ../lib/hosts

setup_file() { set_setup_file; }

setup() {
	common_setup
	case $BATS_TEST_DESCRIPTION in
	*guestclock-set*)
		set_start
		;;
	*)
		requires "$IN_TIMED"
		sandbox_start
		log_start
		;;
	esac
}

teardown() { common_teardown; }

# ------------------------------------------------------------------------------------------ link-local addresses

@test "link-local clients match addresses, networks, ALL and names in the tables, and the log has their interface" {
	local number
	printf '%s\n' 'fe80::2 two.link.test' >>"$ETC/hosts"
	resolver_start 'ptr fe80::3 three.link.test
a three.link.test fe80::3
ptr 10.37.1.3 fe80::3%lo'
	hosts_deny 'in.timed: ALL'
	hosts_allow 'in.timed: [fe80::]/10'
	# The same addresses on two links.
	host_start alpha 1
	host_start beta 2
	# A socket for both families, connections with a process each, and a socket for IPv6 alone.
	superserver_one xinetd both-wait 1037
	superserver_one xinetd stream-nowait 2037
	superserver_one openbsd both-wait 1038
	SERVICES=both:tcp:1037,both:udp:1037,nowait:tcp:2037,six:tcp:1038,six:udp:1038
	let_in --link fe80::2 fe80::3
	let_in
	with_tables 'in.timed: [fe80::3]' 'in.timed: ALL'
	let_in --link fe80::3
	for number in $(in_net cat /sys/class/net/host1/ifindex /sys/class/net/host2/ifindex); do
		(($(logged "refused connect from fe80::2%$number \\(tcp\\)\$") > 0))
		(($(logged "refused connect from fe80::2%$number \\(udp\\)\$") > 0))
	done
	with_tables '' 'in.timed: [fe80::2]/127'
	let_in --link
	with_tables 'in.timed: two.link.test' 'in.timed: ALL'
	let_in --link fe80::2
	with_tables 'in.timed: .link.test EXCEPT two.link.test' 'in.timed: ALL'
	let_in --link fe80::3
	with_tables 'in.timed: KNOWN' 'in.timed: UNKNOWN PARANOID'
	let_in --link fe80::2 fe80::3
	with_tables 'in.timed: ALL' 'in.timed: ALL'
	let_in --link fe80::2 fe80::3
	alive superserver_xinetd_both-wait
	equal "$(logged 'error: |service .*(terminated|disabled)')" 0 'errors'
}

# set_link_start: makes vA and vB, a link of the sandbox with itself: fe80::a at one end, fe80::b at the other.  A time
# source answers at both.
set_link_start() {
	"${ENTER[@]}" ip -batch - <<-'END' || return 1
		link add vA type veth peer name vB
		link set vA addrgenmode none
		link set vB addrgenmode none
		address add fe80::a/64 dev vA nodad
		address add fe80::b/64 dev vB nodad
		link set vA up
		link set vB up
	END
	NUMBER=$("${ENTER[@]}" ip -o link show vB | sed 's/:.*//')
	OTHER=$("${ENTER[@]}" ip -o link show vA | sed 's/:.*//')
	badsource tcp:37:good udp:37:good sntp:123:good
}

@test "guestclock-set asks a link-local client for the time by its interface's name or number" {
	local scope options
	set_link_start
	for scope in vB "$NUMBER"; do
		for options in -pv -pvu -pvn $([ "$scope" != vB ] || echo -pve); do
			set_by_ssh_env fe80::a%vB "rdate $options fe80::a%$scope"
			expect 0 || { printf 'rdate %s, scope %s\n' "$options" "$scope"; return 1; }
			[[ $output == *$'\n'"fe80::a%$NUMBER: offset "* ]] || { shown; return 1; }
		done
		# In the form that sshd writes for the client's address, and in the log's.
		set_by_ssh_env "fe80::a%$scope" 'rdate -s fe80::a%vB'
		expect 0
		set_by_ssh_env 127.0.0.1 "rdate -s fe80::a%$scope" --host fe80::a%vB --host time.test
		expect 0
	done
	assert_unset
	log_take
}

@test "guestclock-set refuses a link-local source on another interface, and names an interface that does not exist" {
	local scope
	set_link_start
	for scope in vA "$OTHER" lo VB; do
		case $scope in VB) "${ENTER[@]}" ip link add VB type veth peer name VC ;; esac
		set_by_ssh_env fe80::a%vB "rdate -s fe80::a%$scope"
		refused 1 "time source fe80::a%$scope is not the ssh client's own address, fe80::a%$NUMBER," || return 1
		set_by_ssh_env fe80::a%vB "rdate -s fe80::a%$scope" --host fe80::a%vB
		refused 1 "time source fe80::a%$scope is not among those that --host names" || return 1
	done
	for scope in VA lo0; do
		set_by_ssh_env fe80::a%vB "rdate -s fe80::a%$scope"
		refused 100 "time source fe80::a%$scope: there is no such network interface\$" || return 1
		set_by_hand rdate -s "fe80::a%$scope"
		refused 100 "time source fe80::a%$scope: there is no such network interface\$" || return 1
	done
	# The client's interface has been removed since sshd wrote its name.
	set_by_ssh_env fe80::a%gone 'rdate -s fe80::a%vB'
	refused 1 "not the ssh client's own address, fe80::a%gone,"
	# Without a scope the address is on no link.
	set_by_ssh_env fe80::a 'rdate -s fe80::a'
	refused 111 'time source fe80::a port 37: cannot connect: Invalid argument'
	set_by_ssh_env fe80::a%vB 'rdate -4s fe80::a%vB'
	refused 111 'time source fe80::a%vB port 37: no address: .+'
	set_by_ssh_env 'UNKNOWN 65535 UNKNOWN 65535' 'rdate -s unknown'
	((status != 0))
}

@test "guestclock-set matches a link-local client in hosts.allow and hosts.deny without its interface" {
	set_link_start
	printf '%s\n' 'fe80::a a.link.test' >>"$ETC/hosts"
	local rule
	for rule in '[fe80::]/10' '[fe80::a]' a.link.test ALL KNOWN; do
		hosts_allow "guestclock-set: $rule"
		hosts_deny 'ALL: ALL'
		set_by_ssh_env fe80::a%vB status
		expect 0 || { printf 'allowed: %s\n' "$rule"; return 1; }
		hosts_allow ''
		hosts_deny "guestclock-set: $rule"
		set_by_ssh_env fe80::a%vB status
		log_take
		expect 1 "do not let fe80::a%$NUMBER in\$" || { printf 'denied: %s\n' "$rule"; return 1; }
	done
}

# ------------------------------------------------------------------------------------------------------ names

@test "in.timed and guestclock-set survive any answer of a name server, any resolv.conf and any hosts file" {
	requires "$IN_TIMED" "$TOP/build/guestclock-set"
	"${ENTER[@]}" ip address add fe80::1/64 dev lo nodad
	resolver_start '' 127.0.0.1,::1,fe80::1%lo
	badsource tcp:3737:good
	# The installed programs, which contain this release's C library.  None of this machine's privileges are
	# available to them.
	run_cmd timeout 300 "${ENTER[@]}" --mount "$PYTHON" -I -S "$TOP/tests/lib/lookups.py" "$IN_TIMED" \
		"$TOP/build/guestclock-set" "$WORK/names" "$LOG" 3737
	[ -z "${SHOW_TIMES-}" ] || printf '%s\n' "$output" >&3
	assert_untouched
}

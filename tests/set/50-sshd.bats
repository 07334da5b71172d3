# A real sshd (OpenSSH's, and dropbear), keys in authorized_keys with guestclock-set as their forced command, and the
# system's ssh client.

# shellcheck disable=SC2030,SC2031 # each test is a separate process, so assignments need not outlive it
# shellcheck disable=SC2154 # logged comes from tests/lib/set.bash
# shellcheck disable=SC2016 # what stands in single quotes is for another shell, or for none

load ../lib/common
load ../lib/set
load ../lib/sshd

PORT=$SSHD_PORT

setup_file() {
	set_setup_file
	sshd_setup_file
	ssh-keygen -q -t rsa -b 3072 -N '' -C guestclock -f "$BATS_FILE_TMPDIR/rsa"
}

setup() {
	common_setup
	set_start
	sshd_setup
	KEY=$KEYS/key
	# Each test names its key.
	sed -i '/^IdentityFile/d' "$SSH_CONFIG"
	SSH=("${ENTER[@]}" --mount ssh -F "$SSH_CONFIG")
}

teardown() { common_teardown; }

dropbear_start() {
	requires dropbear dropbearkey
	"${ENTER[@]}" --mount dropbearkey -t ed25519 -f "$WORK/dropbear_key" >"$WORK/dropbearkey.out" 2>&1
	printf 'guest %s\n' "$(grep '^ssh-ed25519' "$WORK/dropbearkey.out")" >"$WORK/known_hosts"
	background sshd as_guest "$(PATH=$PATH:/usr/sbin:/sbin type -P dropbear)" -F -E -r "$WORK/dropbear_key" -p "$PORT"
	wait_for 5 bound stream "$PORT" || { cat "$WORK/sshd.out"; return 1; }
}

# ask [SSH-OPTION... ADDRESS] COMMAND: sends COMMAND by ssh, and sets $status, $output and $errors as set_by_hand does.
# ADDRESS is 127.0.0.1 by default.
ask() {
	status=0
	(($# > 1)) || set -- 127.0.0.1 -- "$1"
	output=$(timeout 20 "${SSH[@]}" -i "$KEY" "$@" 2>"$WORK/stderr") || status=$?
	errors=$(<"$WORK/stderr")
}

# no_processes: no guestclock-set is left in the sandbox
no_processes() { sandbox_empty guestclock-set; }
two_processes() { [ "$(sandbox_pids guestclock-set | wc -l)" -eq 2 ]; }

# --------------------------------------------------------------------------------------------- requests over ssh

@test "rdate with the crontab's line sets a wrong clock and leaves a right one alone" {
	badsource tcp:37:good
	sshd_start
	clock_new offset_ns=-589000000.0
	ask 'rdate -s 127.0.0.1' </dev/null
	expect 0
	equal "$output" '' 'standard output'
	assert_stepped +589000000.0 1.2
	assert_logged "$DAEMON_NOTICE" 'from 127\.0\.0\.1, request "rdate -s 127\.0\.0\.1": step: offset -58[89][09]{6}\.'
	clock_new
	ask 'rdate -s 127.0.0.1' </dev/null
	expect 0
	equal "$(clock_get steps slews)" '0 0' 'steps and slews of a right clock'
	assert_not_logged
	# With its output, over IPv6, and without standard input at all.
	ask -n ::1 'rdate -p ::1'
	expect 0
	equal "$(date -ud "$output" +%F)" "$(date -u +%F)" 'date printed'
	ask -n 127.0.0.1 'rdate -v 127.0.0.1'
	expect 0
	[[ $output =~ $'\n''127.0.0.1: offset '.*', within-bound, now ' ]] || { shown; return 1; }
}

@test "rfc868 over ssh sets the clock from four octets of printf or in.timed" {
	requires "$IN_TIMED"
	local n
	sshd_start
	clock_new offset_ns=-589000000.0
	n=$(((EPOCHSECONDS + 2208988800) & 0xffffffff))
	# shellcheck disable=SC2059
	printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((n >> 24)) $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255)))" >"$WORK/push"
	ask rfc868 <"$WORK/push"
	expect 0
	assert_stepped +589000000.0 2.5
	assert_logged "$DAEMON_NOTICE" 'request "rfc868": step: '
	clock_new offset_ns=589000000.0
	ask rfc868 < <("$IN_TIMED" </dev/null)
	expect 0
	assert_stepped -589000000.0 2.0
	log_take
	clock_new
	ask rfc868 < <("$IN_TIMED" </dev/null)
	expect 0
	equal "$(clock_get steps slews)" '0 0' 'steps and slews of a right clock'
	# Empty standard input.
	clock_new
	ask rfc868 </dev/null
	refused 100 'refused: rfc868: 0 octets on standard input: expected 4$'
	ask rfc868 <<<'12345678'
	refused 100 'refused: rfc868: more than 4 octets on standard input: expected 4$'
}

@test "status works over ssh, and an empty request is refused unless --default replaces it" {
	badsource tcp:37:good
	sshd_start
	ask status
	expect 0
	[[ $output == 'clock 20'*$'\ndefault none\n'* ]] || { shown; return 1; }
	assert_untouched
	# Without a command, ssh requests a shell.
	ask -T 127.0.0.1
	refused 100 'refused: empty request, .*--default'
	clock_new offset_ns=-100.0
	authorize '--default \"rdate -s 127.0.0.1\" --max-step 1000'
	ask -T 127.0.0.1
	expect 0
	assert_stepped +100.0 1.2
	assert_logged "$DAEMON_NOTICE" 'request "rdate -s 127\.0\.0\.1": step: '
}

@test "ssh ends with the exit status of guestclock-set" {
	badsource tcp:37:good tcp:38:octets=3
	sshd_start
	local port
	ask 'rdate -p 127.0.0.1'
	equal "$status" 0 status
	authorize --not-before 2075-01-01
	ask 'rdate -s 127.0.0.1'
	refused 1 'before-floor'
	ask 'rdate'
	refused 100 'no HOST'
	authorize --any-port
	ask 'rdate -s -o 38 127.0.0.1'
	refused 111 'sent 3 octets: too few$'
	# ssh itself reports that it cannot connect.
	port=$PORT
	stop sshd
	ask status
	equal "$status" 255 "status without sshd on port $port"
}

@test "several requests may share one multiplexed ssh connection" {
	badsource tcp:37:good
	sshd_start
	local mux=(-o "ControlPath=$WORK/mux" -o ControlMaster=auto -o ControlPersist=20)
	clock_new offset_ns=-100.0
	ask "${mux[@]}" 127.0.0.1 'rdate -s 127.0.0.1'
	expect 0
	assert_stepped +100.0 1.2
	log_take
	clock_new
	ask "${mux[@]}" 127.0.0.1 'rdate -s 127.0.0.1'
	expect 0
	ask "${mux[@]}" 127.0.0.1 'date'
	refused 100 'unknown request "date"' || [ "$(clock_get steps)" -eq 0 ]
	ask "${mux[@]}" -O exit 127.0.0.1
}

# ---------------------------------------------------------------------------------- what a stolen key cannot do

@test "the forced command refuses requests for a shell or another program" {
	sshd_start
	local command
	for command in 'id' 'sh -i' 'rdate -s 127.0.0.1; id' 'rdate -s 127.0.0.1 && id' '/bin/sh' 'bash -c id' '$(id)' \
		$'status\nid' 'scp -t /tmp' 'rsync --server' 'cat /etc/passwd'; do
		ask "$command"
		refused 100 'refused: ' || { printf 'command: %s\n' "$command"; return 1; }
	done
}

@test "the forced command refuses other time sources, and times outside its limits" {
	badsource tcp:37:good
	sshd_start
	clock_new offset_ns=-100.0
	ask 'rdate -s 127.0.0.2'
	refused 1 "refused: time source 127.0.0.2 is not the ssh client's own address, 127.0.0.1, and no --host names it$"
	ask 'rdate -s localhost'
	refused 1 'refused: time source localhost is not'
	ask '--host 127.0.0.2 rdate -s 127.0.0.2'
	refused 100 'unknown request "--host"'
	authorize --host 127.0.0.2 --max-step 50
	ask 'rdate -s 127.0.0.1'
	refused 1 'refused: time source 127.0.0.1 is not among those that --host names$'
	ask 'rdate -s 127.0.0.2'
	refused 1 'refused: too-far: '
	authorize --host 127.0.0.2 --allow status,rfc868
	ask 'rdate -s 127.0.0.2'
	refused 1 'refused: rdate is not among the requests that --allow names$'
}

@test "the forced command refuses sftp and scp" {
	requires sftp scp
	sshd_start
	ask -s 127.0.0.1 sftp
	denied_subsystem '.*sftp-server'
	local rc=0
	errors=
	timeout 20 "${ENTER[@]}" --mount sftp -F "$WORK/ssh_config" -i "$KEY" -b - 127.0.0.1 <<<'ls' >"$WORK/sftp.out" 2>&1 || rc=$?
	((rc != 0))
	assert_logged "$AUTH_WARNING" 'sftp-server.*unknown request'
	rc=0
	timeout 20 "${ENTER[@]}" --mount scp -O -F "$WORK/ssh_config" -i "$KEY" "$WORK/ssh_config" 127.0.0.1:stolen \
		</dev/null >"$WORK/scp.out" 2>&1 || rc=$?
	((rc != 0))
	assert_logged "$AUTH_WARNING" 'request "scp -t stolen": unknown request'
	[ ! -e "$GUEST_HOME/stolen" ]
	sshd_internal_sftp
}

# denied_subsystem NAME: the last request was refused.  sshd discards a subsystem's standard error, so check the log.
denied_subsystem() {
	equal "$status" 100 status || return 1
	assert_logged "$AUTH_WARNING" "request \"$1\": unknown request \"" || return 1
	assert_untouched
}

# sshd's built-in server is the same request under another name.
sshd_internal_sftp() {
	stop sshd
	sshd_config
	sed -i 's/^Subsystem.*/Subsystem sftp internal-sftp/' "$WORK/sshd_config"
	background sshd as_guest "$SSHD" -D -e -f "$WORK/sshd_config"
	wait_for 5 bound stream "$PORT"
	ask -s 127.0.0.1 sftp
	denied_subsystem internal-sftp
}

@test "the key's restrict option denies a terminal, and a request that asked for one leaves no process" {
	badsource tcp:37:silent
	sshd_start
	# OpenSSH's client gives up when a terminal that it requires is denied; its request may have begun by then.
	ask -o LogLevel=INFO -tt 127.0.0.1 status
	[[ $errors == *'PTY allocation request failed'* ]] || { shown; return 1; }
	ask -tt 127.0.0.1 id
	ask -tt 127.0.0.1 'rdate -s -t 60000 127.0.0.1'
	wait_for 6 no_processes
	assert_untouched
	# A terminal that is only requested is not needed.
	ask -o LogLevel=INFO -t 127.0.0.1 status
	expect_status_of_guest
}

# expect_status_of_guest: the last request was status, and it was answered, without a terminal.
expect_status_of_guest() {
	equal "$status" 0 status || return 1
	[[ $output == 'clock '* && $output != *$'\r'* ]] || { shown; return 1; }
}

@test "with a key that allows a terminal, requests work on it and end when the client hangs up" {
	badsource tcp:37:good tcp:38:silent
	sshd_start
	authorize --any-port
	sed -i 's/^restrict,/no-port-forwarding,no-agent-forwarding,no-X11-forwarding,/' "$GUEST_HOME/.ssh/authorized_keys"
	clock_new offset_ns=-100.0
	ask -tt 127.0.0.1 'rdate 127.0.0.1' </dev/null
	equal "$status" 0 status || { shown; return 1; }
	[[ $output == *' UTC 20'*$'\r' ]] || { shown; return 1; }
	assert_stepped +100.0 1.2
	ask -tt 127.0.0.1 id
	equal "$status" 100 status
	# On a terminal, the end of the client is a hangup.
	background client "${SSH[@]}" -i "$KEY" -tt 127.0.0.1 'rdate -p -t 60000 -o 38 127.0.0.1'
	wait_for 10 two_processes
	stop client
	wait_for 6 no_processes
}

@test "the key's restrict option denies port forwarding" {
	badsource tcp:37:good
	sshd_start
	ask -o LogLevel=INFO -W 127.0.0.1:37 127.0.0.1
	((status != 0)) || { shown; return 1; }
	[[ $errors == *'administratively prohibited'* ]] || { shown; return 1; }
	ask -o ExitOnForwardFailure=yes -R 3737:127.0.0.1:37 127.0.0.1 status
	equal "$status" 255 status
	[[ $errors == *'remote port forwarding failed'* ]] || { shown; return 1; }
	assert_untouched
	assert_not_logged
}

@test "a stolen key cannot choose the port of a time source, unless the forced command lets it" {
	badsource tcp:37:good tcp:3700:good
	sshd_start
	clock_new offset_ns=-100.0
	ask 'rdate -s -o 3700 127.0.0.1'
	refused 1 'refused: time source 127\.0\.0\.1: port 3700 is not allowed; in the forced command, --host NAME:PORT allows a port, and --any-port every port where --host names none$'
	ask 'rdate -sn -o 37 127.0.0.1'
	refused 1 'port 37 is not allowed'
	authorize --host 127.0.0.1:3700
	ask 'rdate -s 127.0.0.1'
	refused 1 'port 37 is not allowed'
	ask 'rdate -s -o 3700 127.0.0.1'
	expect 0
	assert_stepped +100.0 1.2
}

@test "environment variables of the ssh client change neither its address nor its request" {
	badsource tcp:37:good
	# Even if sshd accepts every variable that the client sends.
	sshd_start 'AcceptEnv SSH_* TZ LC_* LANG* RES_* HOSTALIASES LOCALDOMAIN POSIXLY_CORRECT FAKE_* GCONV_PATH'
	clock_new offset_ns=-100.0
	: >"$WORK/decoy"
	export SSH_CONNECTION='127.0.0.2 1 127.0.0.2 22' SSH_ORIGINAL_COMMAND=status SSH_USER_AUTH=/etc/passwd \
		TZ=../../etc/passwd RES_OPTIONS=debug HOSTALIASES=/etc/passwd FAKE_CLOCK=$WORK/decoy
	ask -o 'SendEnv=SSH_* TZ RES_* HOSTALIASES FAKE_*' 127.0.0.1 'rdate -s 127.0.0.2'
	unset SSH_CONNECTION SSH_ORIGINAL_COMMAND SSH_USER_AUTH TZ RES_OPTIONS HOSTALIASES FAKE_CLOCK
	refused 1 "refused: time source 127.0.0.2 is not the ssh client's own address, 127.0.0.1, and no --host names it$"
	export SSH_ORIGINAL_COMMAND='rdate -s 127.0.0.1'
	ask -o 'SendEnv=SSH_*' 127.0.0.1 id
	unset SSH_ORIGINAL_COMMAND
	refused 100 'unknown request "id"'
	# Nor from the client's own files: PermitUserEnvironment is off, and the line has no environment=.
	printf 'SSH_CONNECTION=127.0.0.2 1 127.0.0.2 22\n' >"$GUEST_HOME/.ssh/environment"
	ask 'rdate -s 127.0.0.2'
	refused 1 "not the ssh client's own address, 127.0.0.1,"
}

@test "hosts.deny refuses a request by the client's address" {
	# This sshd checks the tables itself, under its own name.
	hosts_allow 'guestclock-set: 127.0.0.1 [::1]'
	hosts_deny 'guestclock-set: ALL'
	sshd_start
	ask status
	expect 0
	ask -b ::1 ::1 status
	expect 0
	assert_not_logged
	ask -b 127.0.0.2 127.0.0.1 status
	refused 1 'refused: hosts.allow and hosts.deny do not let 127.0.0.2 in$'
	ask -b fd00::1 ::1 'rdate -s ::1'
	refused 1 'refused: hosts.allow and hosts.deny do not let fd00::1 in$'
}

@test "a connection without a network has the client UNKNOWN, which hosts.deny can match" {
	# Over a pipe or a vsock, sshd sets SSH_CONNECTION like this.
	sshd_config
	: >"$WORK/sshd.out"
	local proxy="unshare -U --map-user=1000 --map-group=1000 $SSHD -i -E $WORK/sshd.out -f $WORK/sshd_config"
	ask -o "ProxyCommand=$proxy" 127.0.0.1 status
	expect 0
	# There is no address that the client could name as a time source.
	ask -o "ProxyCommand=$proxy" 127.0.0.1 'rdate -s 127.0.0.1'
	refused 1 "time source 127.0.0.1 is not the ssh client's own address, UNKNOWN"
	ask -o "ProxyCommand=$proxy" 127.0.0.1 'rdate -s unknown'
	refused 1 "time source unknown is not the ssh client's own address, UNKNOWN"
	# hosts_access(5) has a pattern for it.
	hosts_deny 'guestclock-set: UNKNOWN'
	ask -o "ProxyCommand=$proxy" 127.0.0.1 status
	refused 1 'do not let UNKNOWN in$'
}

# ------------------------------------------------------------------------------------------------- the log

@test "the log line has a certificate's key, its key id and its CA" {
	local key ca
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/ca"
	cp "$KEYS/key" "$WORK/certified"
	cp "$KEYS/key.pub" "$WORK/certified.pub"
	ssh-keygen -q -s "$WORK/ca" -I 'host "a", request' -n guest "$WORK/certified.pub"
	key=$(ssh-keygen -lf "$WORK/certified.pub" | awk '{ print $2 }')
	ca=$(ssh-keygen -lf "$WORK/ca.pub" | awk '{ print $2 }')
	sshd_start 'ExposeAuthInfo yes'
	KEY=$WORK/ca authorize
	sed -i 's/^/cert-authority,/' "$GUEST_HOME/.ssh/authorized_keys"
	KEY=$WORK/certified
	ask id
	refused 100 'unknown request'
	log_take
	# A new certificate for the same key is the same key in the log.
	ssh-keygen -q -s "$WORK/ca" -I 'host "a", request' -n guest "$WORK/certified.pub"
	ask id
	expect 100 'unknown request'
	assert_logged "$AUTH_WARNING" \
		"from 127\.0\.0\.1 key $(literally "$key id \"host ?a?, request\" ca $ca"), request \"id\": unknown request"
}

@test "the log line has the fingerprint of the client's key" {
	badsource tcp:37:good
	sshd_start 'ExposeAuthInfo yes'
	local print
	for KEY in "$KEYS/key" "$KEYS/rsa"; do
		authorize
		print=$(ssh-keygen -lf "$KEY.pub" | awk '{ print $2 }')
		[[ $print == SHA256:* ]]
		clock_new offset_ns=-100.0
		ask 'rdate -s 127.0.0.1'
		expect 0
		assert_logged "$DAEMON_NOTICE" "from 127\.0\.0\.1 key $(literally "$print"), request \"rdate -s 127\.0\.0\.1\": step: "
		ask id
		expect 100 'unknown request'
		assert_logged "$AUTH_WARNING" "from 127\.0\.0\.1 key $(literally "$print"), request \"id\": unknown request"
	done
}

# ------------------------------------------------------------------------------------------ clients that vanish

@test "a request to a silent source ends, without setting the clock, when its ssh client is killed" {
	badsource tcp:37:silent
	sshd_start
	local signal stdin
	clock_new offset_ns=-100.0
	for signal in TERM KILL; do
		# cron's standard input, and one that stays open
		for stdin in -n -T; do
			background client "${SSH[@]}" -i "$KEY" "$stdin" 127.0.0.1 'rdate -s -t 60000 127.0.0.1'
			wait_for 10 two_processes
			stop client "$signal"
			wait_for 6 no_processes || { printf 'client: %s, killed by %s\n' "$stdin" "$signal"; return 1; }
			assert_logged "$DAEMON_ERR" 'the ssh client disconnected before 127\.0\.0\.1 answered'
		done
	done
	assert_untouched
	# The lock was released with the process.
	authorize --any-port
	ask 'rdate -s -o 39 127.0.0.1'
	refused 111 'port 39: cannot connect: Connection refused$'
}

@test "rfc868 does not set the clock when its client is killed before the fourth octet" {
	sshd_start
	mkfifo "$WORK/feed"
	exec 8<>"$WORK/feed"
	printf 'ab' >&8
	background client sh -c 'exec "$@" <"$0"' "$WORK/feed" "${SSH[@]}" -i "$KEY" 127.0.0.1 rfc868 8<&-
	wait_for 5 not no_processes
	sleep 0.3
	stop client KILL
	wait_for 6 no_processes
	log_take
	equal "${#logged[@]}" 1 'syslog lines'
	assert_untouched
}

# ------------------------------------------------------------------------------------------------- dropbear

@test "under dropbear requests set the clock, are refused, and end when their client is killed" {
	requires "$IN_TIMED"
	badsource tcp:37:good tcp:38:silent
	dropbear_start
	clock_new offset_ns=-100.0
	ask 'rdate -s 127.0.0.1' </dev/null
	expect 0
	assert_stepped +100.0 1.2
	assert_logged "$DAEMON_NOTICE" 'from 127\.0\.0\.1, request "rdate -s 127\.0\.0\.1": step:'
	clock_new offset_ns=-589000000.0
	ask rfc868 < <("$IN_TIMED" </dev/null)
	expect 0
	assert_stepped +589000000.0 2.0
	log_take
	clock_new
	ask status
	expect 0
	[[ $output == 'clock '* ]]
	ask -T 127.0.0.1
	refused 100 'refused: empty request'
	ask 'id'
	refused 100 'unknown request "id"'
	ask 'rdate -s 127.0.0.2'
	refused 1 "not the ssh client's own address, 127.0.0.1,"
	authorize --any-port
	ask 'rdate -s -o 39 127.0.0.1'
	refused 111 'Connection refused$'
	ask -W 127.0.0.1:37 127.0.0.1
	((status != 0))
	hosts_deny 'guestclock-set: 127.0.0.2'
	ask -b 127.0.0.2 127.0.0.1 status
	refused 1 'do not let 127.0.0.2 in$'
	authorize --any-port
	background client "${SSH[@]}" -i "$KEY" 127.0.0.1 'rdate -s -t 60000 -o 38 127.0.0.1'
	wait_for 10 two_processes
	stop client KILL
	wait_for 6 no_processes
	assert_logged "$DAEMON_ERR" 'the ssh client disconnected before 127\.0\.0\.1 answered'
	assert_untouched
}

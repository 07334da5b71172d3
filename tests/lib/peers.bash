# shellcheck shell=bash
# Programs that tests/setup.sh unpacked under build/peers.

# sshd_paths DIRECTORY: prints the lines of sshd_config with which an sshd unpacked under DIRECTORY finds its other
# programs.  Before OpenSSH 9.8 (Debian 12 has 9.2) sshd is one program, and nothing is printed.
sshd_paths() {
	local directory=$1/usr/lib/openssh
	[ ! -e "$PEERS/usr/lib/openssh/sshd-session" ] || printf 'SshdSessionPath %s/sshd-session\n' "$directory"
	[ ! -e "$PEERS/usr/lib/openssh/sshd-auth" ] || printf 'SshdAuthPath %s/sshd-auth\n' "$directory"
}

#!/bin/sh
# Make build/guestclock-VERSION.tar.gz.  It has the files that git knows, or, without git, all but what a build makes.
# The same files give the same octets: names are sorted, owners and modes are fixed, and the time is the day that NEWS.md
# gives for the release.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."

files() {
	if [ -e .git ]; then
		git ls-files -z
	else
		find . \( -path ./build -o -path ./compile_commands.json \) -prune -o ! -type d -printf '%P\0'
	fi
}

version=$(find src -name version.h -exec sed -n 's/^#define GUESTCLOCK_VERSION "\(.*\)"$/\1/p' {} +)
day=$(sed -n 's/^## .*(\([0-9]*-[0-9]*-[0-9]*\))$/\1/p' NEWS.md | head -n 1)
if [ -z "$version" ] || [ -z "$day" ]; then
	echo 'tarball.sh: expected a version in version.h and a release with its day in NEWS.md' >&2
	exit 111
fi
[ ! -e .git ] || [ -z "$(git status --porcelain --untracked-files=no)" ] || echo 'tarball.sh: git has uncommitted changes; the tarball has them too' >&2
tarball=build/guestclock-$version.tar.gz
mkdir -p build
files | LC_ALL=C sort -z >build/tarball.files
tar --create --file build/tarball.tar --format=ustar --mtime "$day 00:00:00Z" --owner root:0 --group root:0 --mode u=rwX,go=rX \
	--transform "s,^,guestclock-$version/,rSH" --no-recursion --null --files-from build/tarball.files
gzip -9 -n <build/tarball.tar >"$tarball.new"
mv "$tarball.new" "$tarball"
rm build/tarball.files build/tarball.tar
sha256sum "$tarball"

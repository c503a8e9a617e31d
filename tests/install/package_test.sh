#!/usr/bin/env bash
# package_test.sh BUILD_FOLDER: packs what was built and looks at it: its files, what it depends on, the unit, the scripts, the program from the unpacked package.
# With DUNLIN_CHROOT=FOLDER (an empty folder; needs root, debootstrap and a mirror) it is also installed, run, upgraded, removed and purged in a fresh Debian 12.
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "package_test: $*" >&2; exit 1; }
command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null || { echo "skipped: no dpkg-deb and dpkg-shlibdeps here"; exit 77; }

(cd "$build" && cpack -G DEB -B "$work/packed" >"$work/cpack.log" 2>&1) || { cat "$work/cpack.log"; die "cpack failed"; }
deb=$(echo "$work"/packed/dunlin_*.deb)
[ -s "$deb" ] || die "there is no package"
dpkg-deb --info "$deb" >"$work/info"
dpkg-deb --contents "$deb" >"$work/contents"
for wanted in ./usr/bin/dunlin ./etc/dunlin/dunlin.toml ./usr/lib/systemd/system/dunlin.service ./usr/share/dunlin/stdlib/std/ ./usr/share/doc/dunlin/LICENSE; do
  grep -q " $wanted" "$work/contents" || die "$wanted is not in the package"
done
grep -qE '^ Depends: .*libc6.*libpq5' "$work/info" || die "the libraries it needs are not named: $(grep Depends "$work/info")"
grep -q ' root/root ' "$work/contents" || die "files do not belong to root"
! grep -q -e "$HOME" -e "$build" "$work/info" || die "names a folder of this machine"
dpkg-deb -e "$deb" "$work/control"
for script in postinst prerm postrm; do
  [ -x "$work/control/$script" ] || die "$script cannot be run"
  sh -n "$work/control/$script" || die "$script is no shell script"
done
grep -qx /etc/dunlin/dunlin.toml "$work/control/conffiles" || die "the settings would be overwritten by an upgrade"

# What lies in the package works by itself.
dpkg-deb -x "$deb" "$work/root"
dunlin() { env -i HOME="$work" PATH=/usr/bin:/bin "$work/root/usr/bin/dunlin" "$@"; }
dunlin --version
dunlin check "$work/root/usr/share/dunlin/strategies/card_collections" >/dev/null || die "check fails"
dunlin serve --config "$work/root/etc/dunlin/dunlin.toml" --check-config >/dev/null || die "the settings that come with it are wrong"

if command -v systemd-analyze >/dev/null; then
  # The program's path is that of an installed package: the copy under test is put in its place.
  sed "s|/usr/bin/dunlin|$work/root/usr/bin/dunlin|" "$work/root/usr/lib/systemd/system/dunlin.service" >"$work/dunlin.service"
  systemd-analyze verify --man=no "$work/dunlin.service" 2>"$work/verify" || { cat "$work/verify"; die "systemd does not like the unit"; }
  ! grep -i dunlin "$work/verify" || die "systemd has something to say about the unit"
  echo "unit: verified by systemd-analyze"
else
  echo "unit: not verified, there is no systemd-analyze"
fi

if [ -z "${DUNLIN_CHROOT:-}" ]; then
  echo "fresh Debian 12: not tried (DUNLIN_CHROOT is not set)"
  exit 0
fi
root=$DUNLIN_CHROOT
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$root" ${DUNLIN_MIRROR:-} >"$work/debootstrap.log" 2>&1 || { tail -20 "$work/debootstrap.log"; die "debootstrap failed"; }
cp "$deb" "$root/tmp/dunlin.deb"
in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
in_root apt-get update -q >/dev/null
in_root mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf"
in_root apt-get install -y -q /tmp/dunlin.deb >"$work/apt.log" 2>&1 || { tail -20 "$work/apt.log"; die "the package does not install"; }
in_root dunlin --version
in_root dunlin test /usr/share/dunlin/strategies/card_collections >/dev/null || die "tests fail in a fresh Debian"
in_root dunlin doctor || die "doctor finds something in a fresh Debian"
in_root dunlin serve --config /etc/dunlin/dunlin.toml --check-config >/dev/null
echo '# changed by hand' >>"$root/etc/dunlin/dunlin.toml"
in_root apt-get install -y -q --reinstall /tmp/dunlin.deb >/dev/null 2>&1 || die "it does not install a second time"
grep -q 'changed by hand' "$root/etc/dunlin/dunlin.toml" || die "an upgrade overwrote the settings"
in_root apt-get remove -y -q dunlin >/dev/null 2>&1
[ ! -e "$root/usr/bin/dunlin" ] && [ -e "$root/etc/dunlin/dunlin.toml" ] || die "remove leaves the program or takes the settings"
in_root apt-get purge -y -q dunlin >/dev/null 2>&1
[ ! -e "$root/etc/dunlin/dunlin.toml" ] || die "purge leaves the settings"
echo "fresh Debian 12: installed, run, installed again, removed, purged"

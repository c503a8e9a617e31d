#!/usr/bin/env bash
# Installs what Dunlin needs on Debian 12. Does nothing, in well under a second, when all of it is there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

mapfile -t wanted < <(grep -vE '^[[:space:]]*(#|$)' "$here/packages.txt")
missing=()
installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }' | sort -u)
for package in "${wanted[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

echo "setup: installing ${#missing[@]} Debian packages: ${missing[*]}"
if ! grep -q '^VERSION_ID="12"' /etc/os-release 2>/dev/null; then
  echo "setup: this is not Debian 12; the package names may differ" >&2
fi
if grep -qxF libboost1.74-dev <<<"$installed"; then
  echo "setup: libboost1.74-dev is installed and conflicts with libboost1.81-dev; remove it first: apt-get remove libboost1.74-dev" >&2
  exit 3
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: these packages are missing and there is no sudo; ask an administrator to run: apt-get install ${missing[*]}" >&2
    exit 3
  fi
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -q
# postgresql-common would start a cluster of its own on install; Dunlin starts a private one when it needs it.
if [ ! -e /etc/postgresql-common/createcluster.conf ] && ! grep -qx postgresql-15 <<<"$installed"; then
  "${as_root[@]}" mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"

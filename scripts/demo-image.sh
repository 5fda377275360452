#!/usr/bin/env bash
# Sees to a small image with a web server on port 80; prints its name, and on stderr how it came.
#
# Tries a pull. Where no registry can be reached, builds one from a static busybox: a root folder
# with a page, imported as an image of one layer. Asks the engine at DOCKER_HOST.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pulled=nginx:1.27-alpine
built=berth-demo/web:1

main() {
  local why
  if why=$(node "$here/engine-api.mjs" pull "$pulled" 2>&1); then
    say "pulled $pulled"
    printf '%s\n' "$pulled"
  else
    say "could not pull $pulled: $why"
    build
    say "built $built from busybox instead"
    printf '%s\n' "$built"
  fi
}

say() { printf 'image: %s\n' "$*" >&2; }

build() {
  local folder
  folder=$(mktemp -d)
  trap "rm -rf '$folder'" EXIT
  make_root "$folder/root" "$("$here/busybox.sh" "$folder/busybox")"
  tar -C "$folder/root" --owner 0 --group 0 -c . | node "$here/engine-api.mjs" import "$built" \
    "CMD $(command_json)" 'EXPOSE 80' 'ENV PATH=/bin'
}

# The first process of a container gets no default reaction to signals, and httpd has none.
command_json() {
  printf '["sh", "-c", "%s"]' "trap 'exit 0' TERM; httpd -f -vv -p 80 -h /www & wait"
}

make_root() {
  local root=$1 busybox=$2 applet
  mkdir -p "$root/bin" "$root/www" "$root/tmp"
  cp "$busybox" "$root/bin/busybox"
  for applet in $("$busybox" --list); do
    [[ $applet == busybox ]] || ln -sf busybox "$root/bin/$applet"
  done
  printf '<!doctype html>\n<title>Berth</title>\n<p>A container, run by Berth.</p>\n' \
    >"$root/www/index.html"
}

main "$@"

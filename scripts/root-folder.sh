# For scripts that make an image of this machine's own programs: source it.
#
# A root folder is what a container sees as /. It is imported as an image of one layer.

# root_with_busybox ROOT: makes a root folder with a shell, /tmp and the usual commands in it.
root_with_busybox() {
  local root=$1 busybox applet
  mkdir -p "$root"/{bin,etc,root,usr/bin,usr/local/bin}
  mkdir -p -m 1777 "$root/tmp"
  busybox=$("$here/busybox.sh" "$(dirname "$root")/busybox")
  cp "$busybox" "$root/bin/busybox"
  for applet in $("$busybox" --list); do
    [[ $applet == busybox ]] || ln -sf busybox "$root/bin/$applet"
  done
  # Many scripts begin with it.
  ln -s /bin/busybox "$root/usr/bin/env"
}

# add_program ROOT FILE: puts a program into /usr/local/bin, and where they are looked for the
# libraries that its loader names, and those that the C library loads to look up names.
add_program() {
  local root=$1 file=$2 library folder
  cp --dereference "$file" "$root/usr/local/bin/"
  # A static program has none.
  for library in $(ldd "$file" | grep -o '/[^ ]*'); do
    folder=$(dirname "$library")
    copy_library "$root" "$library"
    for library in "$folder"/libnss_{dns,files}.so.2 "$folder/libresolv.so.2"; do
      [[ ! -e $library ]] || copy_library "$root" "$library"
    done
  done
}

copy_library() {
  mkdir -p "$1$(dirname "$2")"
  cp --dereference "$2" "$1$2"
}

# import_root ROOT IMAGE [CHANGE...]: makes the image.
import_root() {
  tar -C "$1" --owner 0 --group 0 -c . | node "$here/engine-api.mjs" import "${@:2}"
}

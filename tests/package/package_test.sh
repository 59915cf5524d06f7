#!/usr/bin/env bash
# package_test.sh CPACK BUILD VERSION [VENV]: makes the Debian package and looks into it; VENV has libtorch.
set -euo pipefail
cpack=$1 build=$2 version=$3 venv=${4:-}
work=$build/tests/package/work
rm -rf "$work"
mkdir -p "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

"$cpack" --config "$build/CPackConfig.cmake" -G DEB -B "$work" >"$work/log" || fail "$(cat "$work/log")"
debs=("$work"/*.deb)
[ ${#debs[@]} = 1 ] || fail "not one package but ${debs[*]}"
deb=${debs[0]}
dpkg-deb -I "$deb"
dpkg-deb -c "$deb"
[ "$(dpkg-deb -f "$deb" Package)" = batchfit ] || fail "its name is another"
[ "$(dpkg-deb -f "$deb" Version)" = "$version" ] || fail "its version is another"

root=$work/root
dpkg-deb -x "$deb" "$root"
for path in bin/batchfit share/doc/batchfit/LICENSE share/man/man1/batchfit.1 share/bash-completion/completions/batchfit; do
  [ -e "$root/usr/$path" ] || fail "it lacks /usr/$path"
done
[ -z "$(find "$root" -name 'libtorch*' -o -name '*.a' -o -name '*.h')" ] || fail "it holds libtorch, or development files"

# Everything a program is linked with is in a package that the Debian package depends on, or is libtorch's.
depends=$(dpkg-deb -f "$deb" Depends)
for program in "$root"/usr/bin/* "$root"/usr/libexec/batchfit/*; do
  for library in $(objdump -p "$program" 2>/dev/null | sed -n 's/^ *NEEDED *//p'); do
    case $library in
      libc.so.* | libm.so.* | ld-linux*) package=libc6 ;;
      libgcc_s.so.*) package=libgcc-s1 ;;
      libstdc++.so.*) package=libstdc++6 ;;
      libz.so.*) package=zlib1g ;;
      libtorch*.so | libc10*.so | libcudart.so.*)
        [[ $program == */libexec/* ]] || fail "$program is linked with $library"
        continue ;;
      *) fail "$program needs $library, which is in no package that is depended on" ;;
    esac
    [[ $depends == *"$package "* || $depends == *"$package" || $depends == *"$package,"* ]] || fail "$program needs $package"
  done
done

"$root/usr/bin/batchfit" --version

worker=$root/usr/bin/batchfit-worker-torch
if [ -e "$worker" ]; then
  if said=$(BATCHFIT_VENV=$work/none "$worker" 2>&1 </dev/null); then fail "the worker starts without libtorch"; fi
  [[ $said == *"pip' install torch==2.11.0"* ]] || fail "the worker does not say how to get libtorch: $said"
  # Its stdin stays open until it has answered: a worker ends as soon as that closes.
  export BATCHFIT_VENV=$venv
  coproc started { exec "$worker"; }
  echo '{"id":1,"op":"hello","protocol":1,"heartbeat_timeout_s":60}' >&"${started[1]}"
  read -r said <&"${started[0]}" || said="nothing"
  [[ $said == *'"ok":true'* ]] || fail "the worker does not start with the libtorch of $venv: $said"
fi

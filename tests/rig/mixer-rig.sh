#!/usr/bin/env bash
# mixer-rig.sh install | start | restart | stop | run COMMAND...
#
# An operating system's mixer for tests: a PulseAudio server whose sink "rig" exists in memory only,
# reached by PortAudio through ALSA as the device "Mixed", which records what it plays; and a library
# that lets ALSA fail as it does with a USB card in trouble (alsafault.c).
# Needs Debian or Ubuntu, no privileges but for "install", no sound support in the kernel.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
export SOUNDCAL_MIXER_RIG=${SOUNDCAL_MIXER_RIG:-${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}/soundcal-mixer-$(id -u)}
rig=$SOUNDCAL_MIXER_RIG
server="unix:$rig/socket"

control() { HOME="$rig" PULSE_SERVER="$server" pactl "$@"; }

# A killed process stays as a zombie until its parent, here process 1, gets round to it.
running() { ps -o stat= -p "$1" | grep -qv '^Z'; }

stop() {
    [ -f "$rig/server.pid" ] || return 0
    local pid
    pid=$(cat "$rig/server.pid")
    kill -CONT "$pid" 2>/dev/null || true
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 40); do
        running "$pid" || break
        sleep 0.05
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$rig/server.pid" "$rig/socket" "$rig/fault"
}

start() {
    mkdir -p "$rig/runtime"
    chmod 700 "$rig" "$rig/runtime"
    gcc -shared -fPIC -o "$rig/alsafault.so" "$here/alsafault.c" -ldl
    HOME="$rig" PULSE_RUNTIME_PATH="$rig/runtime" setsid pulseaudio -n --daemonize=no \
        --use-pid-file=no --exit-idle-time=-1 \
        -L "module-native-protocol-unix socket=$rig/socket auth-anonymous=1" \
        >"$rig/server.log" 2>&1 </dev/null &
    echo $! >"$rig/server.pid"
    for _ in $(seq 100); do
        control info >/dev/null 2>&1 && break
        sleep 0.05
    done
    if ! control load-module module-null-sink sink_name=rig rate=48000 channels=2 \
        format=float32le channel_map=front-left,front-right >/dev/null; then
        cat "$rig/server.log" >&2
        return 1
    fi
    cat >"$rig/asound.conf" <<END
</usr/share/alsa/alsa.conf>
pcm.MixedOut { type pulse server "$server" device rig }
pcm.MixedIn { type pulse server "$server" device rig.monitor }
pcm.Mixed { type asym playback.pcm MixedOut capture.pcm MixedIn }
END
}

case ${1:-} in
install)
    export DEBIAN_FRONTEND=noninteractive
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends libportaudio2 pulseaudio pulseaudio-utils \
        libasound2-plugins gcc libc6-dev procps
    ;;
start | restart)
    stop
    start
    ;;
stop) stop ;;
run)
    shift
    trap stop EXIT
    "$0" start
    status=0
    "$@" || status=$?
    exit $status
    ;;
*)
    sed -n 2,7p "$0" >&2
    exit 2
    ;;
esac

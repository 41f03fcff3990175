#!/usr/bin/env bash
# audio-rig.sh install | start | restart | fast | real | stop | run COMMAND...
#
# A virtual soundcard for tests: a JACK server with the dummy driver, and simcard.py, which is the
# card. Needs Debian or Ubuntu, no privileges but for "install", no sound support in the kernel.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
export SOUNDCAL_RIG=${SOUNDCAL_RIG:-${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}/soundcal-rig-$(id -u)}
rig=$SOUNDCAL_RIG
python=${PY:-python3}
export JACK_DEFAULT_SERVER=${JACK_DEFAULT_SERVER:-soundcal-rig}
export JACK_NO_START_SERVER=1 JACK_NO_AUDIO_RESERVATION=1

# A killed process stays as a zombie until its parent, here process 1, gets round to it.
running() { ps -o stat= -p "$1" | grep -qv '^Z'; }
a_server_runs() { ps -eo stat=,comm= | grep -v '^Z' | grep -qw jackd; }
alive() { [ -f "$rig/$1.pid" ] && running "$(cat "$rig/$1.pid")"; }

# What a killed server leaves in shared memory makes every second start fail. The registry is common
# to all servers, so it is cleared only where no server runs.
clear_remains() {
    rm -rf "/dev/shm/jack_${JACK_DEFAULT_SERVER}"_* 2>/dev/null || true
    a_server_runs || rm -rf /dev/shm/jack[-_]* /dev/shm/jack_sem.* 2>/dev/null || true
}

start_server() {
    for _ in 1 2 3; do
        clear_remains
        # --sync: no sample is lost when the machine is busy, and the server can run faster than time
        # -p 128 ports: the default needs more shared memory than containers have
        setsid jackd --no-realtime --sync -p 128 -n "$JACK_DEFAULT_SERVER" \
            -d dummy -r "${RATE:-48000}" -p "${PERIOD:-1024}" -C 0 -P 0 \
            >"$rig/jackd.log" 2>&1 </dev/null &
        echo $! >"$rig/jackd.pid"
        if jack_wait -s "$JACK_DEFAULT_SERVER" -w -t 5 >/dev/null 2>&1; then
            return 0
        fi
        end jackd
    done
    cat "$rig/jackd.log" >&2
    return 1
}

start_card() {
    rm -f "$rig/simcard.log"
    setsid "$python" "$here/simcard.py" --control "$rig/simcard.sock" ${LAB:+--lab "$LAB"} \
        >"$rig/simcard.log" 2>&1 </dev/null &
    echo $! >"$rig/simcard.pid"
    for _ in $(seq 300); do
        if grep -q ^ready "$rig/simcard.log" 2>/dev/null; then
            return 0
        fi
        alive simcard || break
        sleep 0.05
    done
    cat "$rig/simcard.log" >&2
    return 1
}

end() {
    [ -f "$rig/$1.pid" ] || return 0
    local pid
    pid=$(cat "$rig/$1.pid")
    kill -CONT "$pid" 2>/dev/null || true
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 60); do
        running "$pid" || break
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$rig/$1.pid"
}

kill_now() {
    [ -f "$rig/$1.pid" ] || return 0
    local pid
    pid=$(cat "$rig/$1.pid")
    kill -9 "$pid" 2>/dev/null || true
    for _ in $(seq 50); do
        running "$pid" || break
        sleep 0.02
    done
    rm -f "$rig/$1.pid"
}

stop() {
    end simcard
    end jackd
}

start() {
    mkdir -p "$rig"
    chmod 700 "$rig"
    start_server
    start_card
}

case ${1:-} in
install)
    export DEBIAN_FRONTEND=noninteractive
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends libportaudio2 jackd2 procps
    ;;
start)
    stop
    start
    ;;
restart) # after a test that broke something: nothing is asked to leave in peace
    kill_now simcard
    kill_now jackd
    start
    ;;
fast) timeout 10 jack_freewheel y ;; # as fast as the processor allows: no clock, no xruns
real) timeout 10 jack_freewheel n ;;
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
    sed -n 2,6p "$0" >&2
    exit 2
    ;;
esac

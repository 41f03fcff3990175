/* A USB soundcard in trouble, for tests: stands between PortAudio and ALSA and answers in ALSA's
 * place. Loaded with LD_PRELOAD; the file named by ALSAFAULT says what is wrong, and may change at
 * any time. Without that file, or when it is empty, everything passes through.
 *
 *     open ERROR NAME N opening the PCM NAME fails with ERROR, which is EBUSY, ENODEV or EACCES,
 *                       from the N-th time in a process on: PortAudio opens it twice for its list
 *     gone              the card was unplugged: every call fails with ENODEV, poll() reports it
 *     xrun              one overrun or underrun, until the stream is prepared again
 *
 *     gcc -shared -fPIC -o alsafault.so alsafault.c -ldl
 *
 * The functions have ALSA's names and ABI; the few constants are those of <alsa/pcm.h>.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATE_XRUN = 4, STATE_DISCONNECTED = 8 };

static int xrun_pending;

/* PortAudio was loaded with dlopen, so RTLD_NEXT would not find the library that it uses. */
static void *real(const char *name)
{
    static void *alsa;
    if (!alsa)
        alsa = dlopen("libasound.so.2", RTLD_LAZY);
    void *found = alsa ? dlsym(alsa, name) : NULL;
    if (!found) {
        fprintf(stderr, "alsafault: no %s: %s\n", name, dlerror());
        abort();
    }
    return found;
}

static void ordered(char *order, int size)
{
    const char *path = getenv("ALSAFAULT");
    FILE *file = path ? fopen(path, "r") : NULL;
    order[0] = '\0';
    if (!file)
        return;
    if (!fgets(order, size, file))
        order[0] = '\0';
    fclose(file);
    if (!strncmp(order, "xrun", 4)) {
        xrun_pending = 1;
        unlink(path);
    }
}

static int gone(void)
{
    char order[128];
    ordered(order, sizeof order);
    return !strncmp(order, "gone", 4);
}

int snd_pcm_open(void **pcm, const char *name, int direction, int mode)
{
    static int openings;
    char order[128], error[16], which[64];
    int first;
    ordered(order, sizeof order);
    if (sscanf(order, "open %15s %63s %d", error, which, &first) == 3 && !strcmp(which, name) &&
        ++openings >= first)
        return !strcmp(error, "EBUSY") ? -EBUSY : !strcmp(error, "EACCES") ? -EACCES : -ENODEV;
    int (*open)(void **, const char *, int, int) = real("snd_pcm_open");
    return open(pcm, name, direction, mode);
}

long snd_pcm_avail_update(void *pcm)
{
    if (gone())
        return -ENODEV;
    if (xrun_pending)
        return -EPIPE;
    long (*avail_update)(void *) = real("snd_pcm_avail_update");
    return avail_update(pcm);
}

int snd_pcm_state(void *pcm)
{
    if (gone())
        return STATE_DISCONNECTED;
    if (xrun_pending)
        return STATE_XRUN;
    int (*state)(void *) = real("snd_pcm_state");
    return state(pcm);
}

int snd_pcm_status_get_state(const void *status)
{
    if (xrun_pending)
        return STATE_XRUN;
    int (*get_state)(const void *) = real("snd_pcm_status_get_state");
    return get_state(status);
}

int snd_pcm_prepare(void *pcm)
{
    if (gone())
        return -ENODEV;
    xrun_pending = 0;
    int (*prepare)(void *) = real("snd_pcm_prepare");
    return prepare(pcm);
}

int snd_pcm_start(void *pcm)
{
    if (gone())
        return -ENODEV;
    int (*start)(void *) = real("snd_pcm_start");
    return start(pcm);
}

int snd_pcm_poll_descriptors_revents(void *pcm, struct pollfd *fds, unsigned count,
                                     unsigned short *revents)
{
    if (gone()) {
        *revents = POLLERR | POLLNVAL;
        return 0;
    }
    int (*poll_revents)(void *, struct pollfd *, unsigned, unsigned short *) =
        real("snd_pcm_poll_descriptors_revents");
    return poll_revents(pcm, fds, count, revents);
}

/* A sound device that another program holds, for tests: LD_PRELOAD this library, and snd_pcm_open of
   the device $BUSY_DEVICE fails with EBUSY after the first $BUSY_AFTER times. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct _snd_pcm snd_pcm_t;
typedef int (*opener)(snd_pcm_t **, const char *, int, int);

int snd_pcm_open(snd_pcm_t **pcm, const char *name, int stream, int mode)
{
    static int opened;
    static opener real;
    const char *busy = getenv("BUSY_DEVICE"), *after = getenv("BUSY_AFTER");

    if (busy && after && !strcmp(busy, name) && opened++ >= atoi(after))
        return -EBUSY;
    if (!real)
        real = (opener)dlsym(dlopen("libasound.so.2", RTLD_LAZY), "snd_pcm_open");
    return real(pcm, name, stream, mode);
}

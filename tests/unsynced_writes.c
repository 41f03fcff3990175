/* Writes that were not synced can be taken back, as a power cut does.

   Preloaded (LD_PRELOAD), and begun with unsynced_begin(folder), it keeps for every file of the
   folder, in FILE.undo beside it, what each write and truncation has replaced, and forgets that when
   the file is synced. After the process was killed, the test takes back what is left in FILE.undo:
   all of it, or any sectors of it. Creation and deletion of files count as synced at once. Files
   that end in -shm are left alone: SQLite makes them anew after a crash.

   An entry is three numbers of 64 bit (offset, number of old bytes, size of the file before) and the
   old bytes. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void unsynced_begin(const char *path) { snprintf(folder, sizeof folder, "%s", path); }

static int is_kept(int fd, char *undo, size_t size)
{
    char link[64], path[PATH_MAX];
    if (!folder[0])
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return 0;
    path[n] = 0;
    if (strncmp(path, folder, strlen(folder)) || (n > 4 && !strcmp(path + n - 4, "-shm")))
        return 0;
    return snprintf(undo, size, "%s.undo", path) < (int)size;
}

static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*next_write)(int, const void *, size_t);
static int (*next_ftruncate)(int, off_t);
static int (*next_fsync)(int);
static int (*next_fdatasync)(int);

__attribute__((constructor)) static void find(void)
{
    next_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    next_write = dlsym(RTLD_NEXT, "write");
    next_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    next_fsync = dlsym(RTLD_NEXT, "fsync");
    next_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

static void keep(int fd, off_t offset, size_t count)
{
    char undo[PATH_MAX + 8];
    struct stat about;
    if (!is_kept(fd, undo, sizeof undo) || fstat(fd, &about) || !S_ISREG(about.st_mode))
        return;
    int64_t *entry = malloc(3 * sizeof *entry + count);
    ssize_t old = count ? pread(fd, entry + 3, count, offset) : 0;
    entry[0] = offset;
    entry[1] = old > 0 ? old : 0;
    entry[2] = about.st_size;
    pthread_mutex_lock(&lock);
    int file = open(undo, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || next_write(file, entry, 3 * sizeof *entry + entry[1]) < 0)
        abort();
    close(file);
    pthread_mutex_unlock(&lock);
    free(entry);
}

static void forget(int fd)
{
    char undo[PATH_MAX + 8];
    if (is_kept(fd, undo, sizeof undo))
        unlink(undo);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off_t offset)
{
    keep(fd, offset, count);
    return next_pwrite(fd, data, count, offset);
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t offset)
{
    return pwrite64(fd, data, count, offset);
}

ssize_t write(int fd, const void *data, size_t count)
{
    if (folder[0])
        keep(fd, lseek(fd, 0, SEEK_CUR), count);
    return next_write(fd, data, count);
}

int ftruncate64(int fd, off_t size)
{
    struct stat about;
    if (folder[0] && !fstat(fd, &about))
        keep(fd, size, about.st_size > size ? about.st_size - size : 0);
    return next_ftruncate(fd, size);
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fsync(int fd)
{
    int status = next_fsync(fd);
    if (!status)
        forget(fd);
    return status;
}

int fdatasync(int fd)
{
    int status = next_fdatasync(fd);
    if (!status)
        forget(fd);
    return status;
}

/* Loaded before the C library of a program under test (LD_PRELOAD); makes one chosen system call on
 * a path under one directory fail, so that a test can check the files that remain.
 *
 * FAIL_UNDER  the directory, absolute
 * FAIL_LOG    a file outside of it; one line per counted call: "7 write /tmp/x/run/ckpt.mpk",
 *             with "7!" for the chosen one
 * FAIL_AT     the number of the chosen call, counting from 1; 0 is none
 * FAIL_HOW    a number: that errno. "short": half of a write, then a full disk for that path.
 *             "kill": SIGKILL instead of the call. "wait": wait until FAIL_UNTIL exists
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define SHORT (-1)
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static atomic_int calls;
static char full[PATH_MAX];

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static void absolute(const char *path, char *out) {
    char here[PATH_MAX] = "";
    if (path[0] != '/' && getcwd(here, sizeof here)) strcat(here, "/");
    if (snprintf(out, PATH_MAX, "%s%s", here, path) >= PATH_MAX) out[0] = 0;
}

static void path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    out[length < 0 ? 0 : length] = 0;
}

/* The outcome of this call: 0 to make it, an errno to fail, or SHORT. */
static int outcome(const char *call, const char *path) {
    const char *under = variable("FAIL_UNDER");
    if (!*under || strncmp(path, under, strlen(under)) != 0) return 0;
    int number = atomic_fetch_add(&calls, 1) + 1;
    int chosen = number == atoi(variable("FAIL_AT"));
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%d%s %s %s\n", number, chosen ? "!" : "", call, path);
    int log = NEXT(open)(variable("FAIL_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log >= 0) {
        if (NEXT(write)(log, line, length) != length) abort();
        close(log);
    }
    if (!chosen) return 0;
    const char *how = variable("FAIL_HOW");
    if (!strcmp(how, "kill")) kill(getpid(), SIGKILL);
    if (!strcmp(how, "wait")) {
        while (access(variable("FAIL_UNTIL"), F_OK) != 0) usleep(1000);
    }
    return strcmp(how, "short") ? atoi(how) : SHORT;
}

/* Reads count only for directories, which are opened to sync a rename. */
static int refused(const char *path, int flags) {
    char absolute_path[PATH_MAX];
    struct stat found;
    absolute(path, absolute_path);
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if (!writes && !(stat(absolute_path, &found) == 0 && S_ISDIR(found.st_mode))) return 0;
    int error = outcome("open", absolute_path);
    if (error > 0) errno = error;
    return error > 0;
}

#define OPEN(name)                                        \
    int name(const char *path, int flags, ...) {          \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode_t mode = va_arg(rest, mode_t);               \
        va_end(rest);                                     \
        if (refused(path, flags)) return -1;              \
        return NEXT(name)(path, flags, mode);             \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *bytes, size_t count) {
    char path[PATH_MAX];
    path_of(fd, path);
    int error = *full && !strcmp(full, path) ? ENOSPC : outcome("write", path);
    if (error == SHORT) {
        strcpy(full, path);
        count /= 2;
    } else if (error) {
        errno = error;
        return -1;
    }
    return NEXT(write)(fd, bytes, count);
}

#define ON_FD(name, parameters, arguments)                \
    int name parameters {                                 \
        char path[PATH_MAX];                              \
        path_of(fd, path);                                \
        int error = outcome(#name, path);                 \
        if (error > 0) return errno = error, -1;          \
        return NEXT(name) arguments;                      \
    }
ON_FD(fsync, (int fd), (fd))
ON_FD(fdatasync, (int fd), (fd))

#define ON_PATH(name, parameters, arguments)              \
    int name parameters {                                 \
        char absolute_path[PATH_MAX];                     \
        absolute(path, absolute_path);                    \
        int error = outcome(#name, absolute_path);        \
        if (error > 0) return errno = error, -1;          \
        return NEXT(name) arguments;                      \
    }
ON_PATH(rename, (const char *path, const char *to), (path, to))
ON_PATH(unlink, (const char *path), (path))
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode))

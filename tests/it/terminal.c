/* Runs a program on a new terminal, and closes the terminal once a file exists:
 *
 *     terminal FILE hup|nohup PROGRAM ARGUMENTS...
 *
 * With "nohup" the program ignores SIGHUP, and only its writes to the terminal fail. Exits with the
 * program's code, or 128 plus the signal that ended it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **args) {
    int terminal_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (count < 4 || terminal_fd < 0 || grantpt(terminal_fd) || unlockpt(terminal_fd)) return 99;
    pid_t child = fork();
    if (child < 0) return 99;
    if (child == 0) {
        setsid();
        int terminal = open(ptsname(terminal_fd), O_RDWR);
        if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0)) _exit(98);
        struct winsize size = {.ws_row = 24, .ws_col = 80};
        ioctl(terminal, TIOCSWINSZ, &size);
        for (int fd = 0; fd < 3; fd++) dup2(terminal, fd);
        signal(SIGHUP, strcmp(args[2], "nohup") ? SIG_DFL : SIG_IGN);
        execv(args[3], args + 3);
        _exit(97);
    }
    char output[4096];
    int status;
    while (access(args[1], F_OK) != 0) {
        struct pollfd wait = {.fd = terminal_fd, .events = POLLIN};
        if (poll(&wait, 1, 5) > 0 && read(terminal_fd, output, sizeof output) <= 0) break;
        if (waitpid(child, &status, WNOHANG) == child) return 96;
    }
    close(terminal_fd);
    if (waitpid(child, &status, 0) != child) return 99;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs a program on a terminal of its own, and takes the terminal away once a file is there:
 *
 *     terminal FILE hup|nohup PROGRAM ARGUMENTS...
 *
 * With "nohup" the program ignores the hangup, and only its writes to the terminal fail. Ends with
 * the program's code, or 128 and the signal that ended it.
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

int main(int count, char **words) {
    int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (count < 4 || ours < 0 || grantpt(ours) || unlockpt(ours)) return 99;
    pid_t child = fork();
    if (child < 0) return 99;
    if (child == 0) {
        setsid();
        int terminal = open(ptsname(ours), O_RDWR);
        if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0)) _exit(98);
        struct winsize size = {.ws_row = 24, .ws_col = 80};
        ioctl(terminal, TIOCSWINSZ, &size);
        for (int fd = 0; fd < 3; fd++) dup2(terminal, fd);
        signal(SIGHUP, strcmp(words[2], "nohup") ? SIG_DFL : SIG_IGN);
        execv(words[3], words + 3);
        _exit(97);
    }
    char said[4096];
    int status;
    while (access(words[1], F_OK) != 0) {
        struct pollfd wait = {.fd = ours, .events = POLLIN};
        if (poll(&wait, 1, 5) > 0 && read(ours, said, sizeof said) <= 0) break;
        if (waitpid(child, &status, WNOHANG) == child) return 96;
    }
    close(ours);
    if (waitpid(child, &status, 0) != child) return 99;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#!/bin/sh
# Workers of a sweep on machines that share a folder, without a batch system:
#
#     examples/cluster/ssh.sh /shared/sweeps/my machine1 machine2 machine3
#
# setsid: they outlive this connection. To stop one: ssh machine1 pkill -TERM gan-sweep
sweep=$1
shift
for machine; do
    # The quotes are for the shell of the other machine.
    ssh "$machine" "setsid gan-sweep worker '$sweep' >>'$sweep'/worker-\$(hostname).log 2>&1 </dev/null &"
done

#!/usr/bin/env bash
# Process 1 of a host, in namespaces of its own: the machine's root under an overlay in memory, and an sshd.
# It tells its id as the machine sees it, obeys "up" and "reboot", and ends, and all with it, when its stdin ends.
# Usage: boot.sh NAME FOLDER PACKAGES; FOLDER is empty and serves as a place to mount on.
set -euo pipefail
[ $$ -eq 1 ] || { echo "This script must be process 1 of new namespaces: it mounts, and kills all there is." >&2; exit 2; }
name=$1 folder=$2 packages=$3
read -r pid _ </proc/self/stat  # before the host's own /proc hides the machine's

lay_out() {
    mount -t tmpfs -o mode=755 tmpfs "$folder"
    cd "$folder"
    mkdir -p work root up/etc
    local own
    for own in etc/ssh home mnt root srv; do
        mknod "up/$own" c 0 0  # an overlay's sign for "not there": what is made there now is new, and empty
    done
    mount -t overlay -o lowerdir=/,upperdir=up,workdir=work overlay root
    cd root
    mkdir etc/ssh home mnt srv
    mkdir -m 700 root
    mkdir mnt/old mnt/packages
    mount --bind "$packages" mnt/packages
}

# Nothing that is the machine's own can be written: no devices of hardware, no settings of the kernel
enter() {
    mount -t proc proc proc
    mount --bind proc/sys proc/sys
    mount -o remount,bind,ro proc/sys
    mount -t sysfs -o ro sysfs sys
    mount -t tmpfs -o mode=755 tmpfs dev
    local device
    for device in full null random tty urandom zero; do
        : >"dev/$device"
        mount --bind "/dev/$device" "dev/$device"
    done
    mkdir dev/pts dev/shm
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    ln -s fd/0 dev/stdin
    ln -s fd/1 dev/stdout
    ln -s fd/2 dev/stderr
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
    mount -t tmpfs -o mode=1777 tmpfs dev/shm
    pivot_root . mnt/old
    umount --lazy /mnt/old
    rmdir /mnt/old
    hostname "$name"
}

# What is in memory on any machine, and sshd
up() {
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -m 755 /run/sshd
    mkdir -m 1777 /run/lock
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    /usr/sbin/sshd -D -E /var/log/sshd.log &
}

down() {
    kill -KILL -1 2>/dev/null || true
    wait
    umount --lazy /run /tmp
}

lay_out
enter
echo "$pid"
while read -r order; do
    case $order in
        up) up ;;
        reboot) down; up ;;
    esac
    echo "$order"
done

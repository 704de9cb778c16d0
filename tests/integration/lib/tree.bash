# SPDX-License-Identifier: Apache-2.0
#
# A directory tree as text, for comparing trees that different programs made.

# list_tree DIR: one line per name: type, mode, owner, size of files, time, link target, device
# number, which names share an inode, extended attributes, hash of the contents; sorted.
list_tree() {
    (
        cd "$1" || exit 1
        {
            # A directory's size and link count are its file system's own business, and whether
            # whiteouts share an inode is the store's.
            find . -type d -printf '%P\td %m %U:%G %T@\n'
            find . -type f -printf '%P\tf %m %U:%G %s %T@ %n\n'
            find . -type l -printf '%P\tl %U:%G %T@ %n -> %l\n'
            find . -type p -printf '%P\tp %m %U:%G %T@ %n\n'
            find . \( -type c -o -type b \) -print0 | xargs -0r stat --printf '%n\t%F %a %u:%g %t,%T\n'
            find . ! -type d ! -type c -links +1 -printf '%i %P\n' | LC_ALL=C sort -k2 |
                awk '{ inode = $1; sub(/^[0-9]+ /, ""); if (!(inode in first)) first[inode] = $0
                       print $0 "\tsame as " first[inode] }'
            find . -type f -size +0 -print0 | xargs -0r sha256sum
            find . ! -type l -print0 | xargs -0r getfattr -h -d -m - -e hex -- 2>/dev/null |
                awk '/^# file: / { file = substr($0, 9); next } NF { print file "\t" $0 }' |
                grep -v overlay.origin
        } | LC_ALL=C sort
    )
}

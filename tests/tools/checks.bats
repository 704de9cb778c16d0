#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The checks of the source tree catch what they are there for: each is run on a small tree that is
# clean, and again with one fault in it.

setup() {
    source_tree=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    tree=$(mktemp -d)
    mkdir -p "$tree/tools" "$tree/src/base" "$tree/src/json" "$tree/src/runtime" "$tree/src/layer" \
        "$tree/include/hull" "$tree/cmd/hull"
    cp "$source_tree"/tools/check-* "$source_tree/tools/check" "$source_tree/tools/list-files" \
        "$tree/tools"
    cp "$source_tree/.clang-format" "$tree"
    cp "$source_tree/src/meson.build" "$tree/src"
    put src/base/a.h '#pragma once' '' 'int a(int x);'
    put src/base/a.c '#include "base/a.h"' '' 'int a(int x)' '{' '	return x;' '}'
    put src/json/b.h '#pragma once' '' '#include "base/a.h"'
    put include/hull/c.h '#pragma once' '' 'int hull_c(void);'
}

teardown() {
    rm -rf "$tree"
}

# put FILE LINE...: a file with the licence line on top.
put() {
    local file=$1

    shift
    printf '%s\n' '/* SPDX-License-Identifier: Apache-2.0 */' "$@" >"$tree/$file"
}

# passes CHECK / fails CHECK TEXT: the verdict, and what it must say.
passes() {
    run "$tree/tools/check-$1"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
}

fails() {
    run "$tree/tools/check-$1"
    [ "$status" -eq 1 ] && [[ $output == *"$2"* ]] || {
        echo "status $status: $output"
        return 1
    }
}

@test "layers: an upward include fails" {
    passes layers
    put src/base/a.h '#pragma once' '' '#include "json/b.h"'
    fails layers 'src/base/a.h:4: upward include of "json/b.h"'
}

@test "layers: layers of equal height do not see each other" {
    put src/runtime/r.h '#pragma once'
    put src/layer/l.h '#pragma once' '#include "runtime/r.h"'
    fails layers 'do not know each other'
}

@test "layers: headers in a circle fail" {
    put src/base/a.h '#pragma once' '#include "base/z.h"'
    put src/base/z.h '#pragma once' '#include "base/a.h"'
    fails layers 'headers include each other: src/base/a.h -> src/base/z.h -> src/base/a.h'
}

@test "layers: an include without its folder fails" {
    put src/base/a.c '#include "a.h"'
    fails layers '"a.h" is not in any layer'
}

@test "layers: the JSON library is seen by src/json alone" {
    put src/json/p.c '#include <json-c/json.h>'
    passes layers
    put cmd/hull/main.c '#include <json-c/json.h>'
    fails layers 'is for src/json alone'
}

@test "layers: a public header includes no internal one" {
    put include/hull/c.h '#pragma once' '#include "base/a.h"'
    fails layers 'a public header includes only public headers'
}

@test "headers: one that needs another include first fails" {
    passes headers
    put src/json/b.h '#pragma once' '' 'size_t b(void);'
    fails headers 'src/json/b.h does not compile alone as C'
}

@test "headers: a public header must be C++ too" {
    put include/hull/c.h '#pragma once' '' 'int hull_c(int class);'
    fails headers 'include/hull/c.h does not compile alone as C++'
}

@test "headers: a public header must be strict C99 too" {
    put include/hull/c.h '#pragma once' '' 'enum hull_big { HULL_BIG = 1ULL << 40 };'
    fails headers 'include/hull/c.h does not compile alone as strict C99'
}

@test "banned: calls, goto and notes of unfinished work" {
    passes banned
    put src/base/a.c '/* strcpy() in a comment and in a text is fine */' \
        'static const char *t = "strcpy(a, b); goto x; \" system(1)";'
    passes banned
    put src/base/a.c 'void a(char *d) { strcpy(d, "x"); }'
    fails banned 'src/base/a.c:2: strcpy()'
    put src/base/a.c 'int a(void) {' '	goto out;' 'out:' '	return 0;' '}'
    fails banned 'src/base/a.c:3: goto'
    put src/base/a.c '/* TO''DO: later */'
    fails banned 'src/base/a.c:2: a note of unfinished work'
    put src/base/a.c 'void a(void) { fprintf(stderr, "x"); }'
    fails banned 'src/base/a.c:2: a library that prints'
    put src/base/a.c 'void a(void) { perror("x"); }'
    fails banned 'perror() in a library'
    put src/base/a.c 'typedef struct a {' '	int x;' '} a_t;'
    fails banned 'typedef of a struct'
}

@test "format: another layout fails" {
    passes format
    put src/base/a.c 'int a(int x) { return x; }'
    fails format 'src/base/a.c'
}

@test "size: long files and long functions fail" {
    local lines

    passes size
    mapfile -t lines < <(yes '	x++;' | head -n 160)
    put src/base/a.c 'int a(int x)' '{' "${lines[@]}" '	return x;' '}'
    fails size 'a() is 163 lines long'
    mapfile -t lines < <(yes 'int x;' | head -n 800)
    put src/base/a.c "${lines[@]}"
    fails size 'src/base/a.c: 801 lines'
}

@test "shell: a script with a fault fails" {
    passes shell
    printf '%s\n' '#!/bin/sh' 'cd $1' >"$tree/tools/broken"
    fails shell 'tools/broken'
}

@test "comments: a file without its licence fails" {
    passes comments
    echo 'int x;' >"$tree/src/base/a.c"
    fails comments 'src/base/a.c: no SPDX-License-Identifier line'
}

@test "docs: a path that is not there and a dead link fail" {
    echo 'See `src/base/a.c` and [this](X.md).' >"$tree/X.md"
    passes docs
    echo 'See `src/base/gone.c`.' >"$tree/X.md"
    fails docs 'X.md: there is no src/base/gone.c'
    echo 'See [this](Y.md).' >"$tree/X.md"
    fails docs 'X.md: the link to Y.md leads nowhere'
}

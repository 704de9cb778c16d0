# SPDX-License-Identifier: Apache-2.0
#
# Random layers of every dialect of tar through both layer stores, GNU tar and bsdtar: see
# lib/differential. A fixed hundred and fifty here; thousands, each time others, by
#
#   DIFFERENTIAL_SEEDS=0-4999 BATS_TEST_TIMEOUT=3600 bats tests/integration/layers-differential.bats
#
# with FSCK_EROFS=PATH (1.8 or later) checking every image. A seed that differs can be looked at: compare.py --seeds N --keep DIR writes its archives.

load lib/fixture

LAYER_TOOL=${LAYER_TOOL:-$HULL_BUILD/tests/integration/lib/layer-tool/layer-tool}

setup() {
    require_root
    setup_fixture
}

teardown() {
    teardown_fixture
}

@test "layers: random archives are read as the model, GNU tar and bsdtar read them" {
    TMPDIR=$WORK run python3 "$BATS_TEST_DIRNAME/lib/differential/compare.py" \
        --seeds "${DIFFERENTIAL_SEEDS:-0-149}" "$LAYER_TOOL"
    echo "$output"
    assert_success
    assert_output_matches "archives, gnu"
}

package io.github.weighbridge.gguf.encoding.internal;

import jdk.incubator.vector.FloatVector;

/// As many groups of elements as there are lanes, turned so that a vector holds the same element of every group. Sums over a group then
/// keep their order, in all lanes at once, and give the bits of the plain form.
final class Transposed {
    /// Room for groups of 32.
    static final int ROOM = 32 * Lanes.COUNT;

    private static final int[] STARTS_OF_16 = starts(16);
    private static final int[] STARTS_OF_32 = starts(32);

    private Transposed() {}

    /// Turns groups that lie one behind the other. Where there are fewer than lanes, the last one fills the rest.
    static void load(float[] source, int from, int size, int groups, float[] target) {
        if (groups == Lanes.COUNT) {
            int[] map = size == 16 ? STARTS_OF_16 : STARTS_OF_32;
            for (int i = 0; i < size; i++) {
                FloatVector.fromArray(Lanes.FLOATS, source, from + i, map, 0).intoArray(target, i * Lanes.COUNT);
            }
            return;
        }
        for (int lane = 0; lane < Lanes.COUNT; lane++) {
            int first = from + Math.min(lane, groups - 1) * size;
            for (int i = 0; i < size; i++) {
                target[i * Lanes.COUNT + lane] = source[first + i];
            }
        }
    }

    private static int[] starts(int size) {
        int[] starts = new int[Lanes.COUNT];
        for (int lane = 0; lane < starts.length; lane++) {
            starts[lane] = lane * size;
        }
        return starts;
    }
}

package io.github.weighbridge.litert;

import io.github.weighbridge.fixtures.litert.TfliteSignature;
import java.nio.ByteBuffer;

/// Sound through an encoder and an adapter in the real interpreter, as LiteRT-LM's executor does it.
///
/// @param features of the encoder, `[tokens][width]`
/// @param real which of them are
/// @param embeddings of the adapter, `[tokens][text width]`
record AudioRun(float[][] features, boolean[] real, float[][] embeddings) {
    static AudioRun of(TfliteSignature encoder, TfliteSignature adapter, float[] sound, boolean[] mask) {
        ByteBuffer inputs = encoder.input("src_inputs");
        for (int i = 0; i < sound.length; i++) {
            inputs.putFloat(4 * i, sound[i]);
        }
        ByteBuffer masks = encoder.input("mask");
        for (int i = 0; i < mask.length; i++) {
            masks.put(i, (byte) (mask[i] ? 1 : 0));
        }
        encoder.run();
        ByteBuffer out = encoder.output("mask");
        boolean[] real = new boolean[out.capacity()];
        for (int i = 0; i < real.length; i++) {
            real[i] = out.get(i) != 0;
        }
        adapter.input("mask").put(0, out, 0, real.length);
        ByteBuffer features = encoder.output("features");
        adapter.input("features").put(0, features, 0, features.capacity());
        adapter.run();
        return new AudioRun(rows(features, real.length), real, rows(adapter.output("embeddings"), real.length));
    }

    private static float[][] rows(ByteBuffer bytes, int count) {
        float[][] rows = new float[count][bytes.capacity() / 4 / count];
        for (int i = 0; i < bytes.capacity() / 4; i++) {
            rows[i / rows[0].length][i % rows[0].length] = bytes.getFloat(4 * i);
        }
        return rows;
    }

    /// Largest difference in rows that are real, relative to the largest number there.
    static double difference(float[][] own, double[][] expected, boolean[] real) {
        double largest = 0;
        double difference = 0;
        for (int t = 0; t < expected.length; t++) {
            for (int i = 0; i < expected[t].length && real[t]; i++) {
                largest = Math.max(largest, Math.abs(expected[t][i]));
                difference =
                        Math.max(difference, Double.isNaN(own[t][i]) ? Double.POSITIVE_INFINITY : Math.abs(own[t][i] - expected[t][i]));
            }
        }
        return difference / largest;
    }
}

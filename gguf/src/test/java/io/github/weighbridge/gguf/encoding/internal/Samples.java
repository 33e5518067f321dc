package io.github.weighbridge.gguf.encoding.internal;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/// Numbers to encode: ordinary ones, and those at which recipes go wrong. Seeded, so that every run has the same.
public final class Samples {
    private Samples() {}

    /// Runs of numbers by name, each `count` long.
    public static Map<String, float[]> all(int count) {
        Map<String, float[]> samples = new LinkedHashMap<>();
        samples.put("normal", normal(count, 1, 0.02f));
        samples.put("zeros", new float[count]);
        samples.put("negative zeros", filled(count, -0f));
        samples.put("one value", filled(count, 0.7f));
        samples.put("one negative value", filled(count, -0.3f));
        samples.put("positive", positive(count));
        samples.put("alternating", alternating(count));
        samples.put("lone peaks", lonePeaks(count));
        samples.put("ties", ties(count));
        samples.put("huge", normal(count, 2, 3000));
        samples.put("small", normal(count, 3, 1e-7f));
        samples.put("vanishing", normal(count, 4, 1e-12f));
        samples.put("least scales", normal(count, 5, 1e-18f));
        samples.put("subnormal", normal(count, 6, 1e-40f));
        samples.put("mixed magnitudes", mixed(count));
        samples.put("BF16", bf16(count));
        samples.put("few levels", fewLevels(count));
        return samples;
    }

    static float[] normal(int count, long seed, float deviation) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() * deviation;
        }
        return values;
    }

    private static float[] filled(int count, float value) {
        float[] values = new float[count];
        Arrays.fill(values, value);
        return values;
    }

    private static float[] positive(int count) {
        float[] values = normal(count, 11, 1);
        for (int i = 0; i < count; i++) {
            values[i] = 3 + Math.abs(values[i]);
        }
        return values;
    }

    private static float[] alternating(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (i & 1) == 0 ? 0.5f : -0.5f;
        }
        return values;
    }

    private static float[] lonePeaks(int count) {
        Random random = new Random(12);
        float[] values = new float[count];
        for (int i = random.nextInt(40); i < count; i += 1 + random.nextInt(60)) {
            values[i] = random.nextFloat() - 0.5f;
        }
        return values;
    }

    /// Levels and halves between levels of a step that every type can have.
    private static float[] ties(int count) {
        Random random = new Random(13);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            int span = 2 + (i >> 8) % 64;
            values[i] = (random.nextInt(2 * span + 1) - span) * 0.0625f;
        }
        return values;
    }

    private static float[] mixed(int count) {
        Random random = new Random(14);
        float[] values = new float[count];
        float scale = 1;
        for (int i = 0; i < count; i++) {
            if (i % 16 == 0) {
                scale = (float) Math.pow(10, random.nextDouble() * 14 - 10);
            }
            values[i] = (float) random.nextGaussian() * scale;
        }
        return values;
    }

    private static float[] bf16(int count) {
        float[] values = normal(count, 15, 0.05f);
        for (int i = 0; i < count; i++) {
            values[i] = Float.intBitsToFloat(Float.floatToRawIntBits(values[i]) & 0xffff0000);
        }
        return values;
    }

    private static float[] fewLevels(int count) {
        Random random = new Random(16);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (random.nextInt(4) - 2) * 0.013f;
        }
        return values;
    }
}

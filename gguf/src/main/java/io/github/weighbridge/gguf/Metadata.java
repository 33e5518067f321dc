package io.github.weighbridge.gguf;

import io.github.weighbridge.family.MetadataEntry;
import io.github.weighbridge.gguf.file.GgufArray;
import io.github.weighbridge.gguf.file.GgufValue;
import io.github.weighbridge.gguf.file.GgufValueType;
import io.github.weighbridge.io.Value;
import java.util.List;

/// From the entries of a family's metadata table to values of keys.
final class Metadata {
    private Metadata() {}

    static GgufValue value(MetadataEntry entry) {
        if (entry.value() instanceof Value.Items(List<Value> items)) {
            return switch (entry.type()) {
                case BOOL -> {
                    boolean[] flags = new boolean[items.size()];
                    for (int i = 0; i < flags.length; i++) {
                        flags[i] = ((Value.Flag) items.get(i)).set();
                    }
                    yield GgufArray.ofFlags(flags);
                }
                case I32, U32 -> GgufArray.ofWhole(entry.type() == MetadataEntry.Type.I32 ? GgufValueType.I32 : GgufValueType.U32,
                        items.stream().mapToLong(item -> ((Value.Whole) item).number()).toArray());
                case F32 -> {
                    float[] numbers = new float[items.size()];
                    for (int i = 0; i < numbers.length; i++) {
                        numbers[i] = (float) number(items.get(i));
                    }
                    yield GgufArray.ofFloats(numbers);
                }
                case TEXT -> GgufArray.ofStrings(items.stream().map(item -> ((Value.Text) item).text()).toList());
            };
        }
        return switch (entry.type()) {
            case TEXT -> GgufValue.text(((Value.Text) entry.value()).text());
            case U32 -> GgufValue.u32(((Value.Whole) entry.value()).number());
            case I32 -> GgufValue.i32(Math.toIntExact(((Value.Whole) entry.value()).number()));
            case F32 -> GgufValue.f32((float) number(entry.value()));
            case BOOL -> GgufValue.flag(((Value.Flag) entry.value()).set());
        };
    }

    private static double number(Value value) {
        return value instanceof Value.Whole(long number) ? number : ((Value.Real) value).number();
    }
}

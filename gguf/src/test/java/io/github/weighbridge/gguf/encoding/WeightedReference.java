package io.github.weighbridge.gguf.encoding;

import io.github.weighbridge.fixtures.llama.LlamaCpp;
import io.github.weighbridge.gguf.file.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// `ggml_quantize_chunk` with an importance matrix.
@SuppressWarnings("restricted")
final class WeightedReference {
    private final MethodHandle quantize;

    WeightedReference(LlamaCpp llama) {
        // Already loaded by then, so this only looks it up.
        MemorySegment function = SymbolLookup.libraryLookup(llama.directory().resolve("libggml-base.so"), Arena.global())
                .find("ggml_quantize_chunk").orElseThrow();
        quantize = Linker.nativeLinker().downcallHandle(function,
                FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
    }

    byte[] encode(GgmlType type, float[] values, float[] importance) {
        int columns = importance.length;
        long rows = values.length / columns;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(rows * type.rowBytes(columns), 8);
            long written = (long) quantize.invokeExact(type.id(), arena.allocateFrom(ValueLayout.JAVA_FLOAT, values), target, 0L, rows,
                    (long) columns, arena.allocateFrom(ValueLayout.JAVA_FLOAT, importance));
            if (written != target.byteSize()) {
                throw new IllegalStateException(written + " bytes instead of " + target.byteSize());
            }
            return target.toArray(ValueLayout.JAVA_BYTE);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}

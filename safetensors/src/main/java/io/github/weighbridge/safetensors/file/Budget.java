package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.util.function.Supplier;

/// Counts what the headers of one checkpoint have asked for, so that many shards cannot take more than one file may.
final class Budget {
    /// What the JVM takes for a string beside its characters.
    static final long STRING_BYTES = 40;

    private final Limits limits;
    private long keptBytes;
    private int tensors;
    private int keys;

    Budget(Limits limits) {
        this.limits = limits;
    }

    /// A budget for tensors that have been counted once, in an index whose names stay in memory: those names are used up, the count of
    /// tensors begins again.
    Budget(Limits limits, Budget index) {
        this(limits);
        this.keptBytes = index.keptBytes;
    }

    Limits limits() {
        return limits;
    }

    /// Bytes that may still be kept.
    long left() {
        return limits.keptBytes() - keptBytes;
    }

    /// @param field names what is to be kept; asked for a message only
    void keep(long bytes, String file, long position, Supplier<String> field) throws CheckpointFormatException {
        if (bytes > left()) {
            throw CheckpointFormatException.limit(file, position, field.get(),
                    "names and values of more than " + limits.keptBytes() + " bytes",
                    "at most " + limits.keptBytes() + " bytes in memory (Limits.keptBytes)");
        }
        keptBytes += bytes;
    }

    void tensor(String file, long position) throws CheckpointFormatException {
        if (tensors == limits.tensors()) {
            throw CheckpointFormatException.limit(file, position, "header", "more than " + tensors + " tensors",
                    "at most " + tensors + " tensors (Limits.tensors)");
        }
        tensors++;
    }

    void key(String file, long position) throws CheckpointFormatException {
        if (keys == limits.keys()) {
            throw CheckpointFormatException.limit(file, position, "__metadata__", "more than " + keys + " keys",
                    "at most " + keys + " keys (Limits.keys)");
        }
        keys++;
    }
}

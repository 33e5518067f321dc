package io.github.weighbridge.safetensors.file;

import io.github.weighbridge.encoding.Shape;

/// A tensor as the header of a file names it. Immutable.
///
/// @param name name, unique in the file
/// @param type type of the elements
/// @param shape dimensions, rows first
/// @param dataBegin first byte, counted from the first byte of the file's data: the first of `data_offsets`
/// @param dataEnd byte after the last, counted likewise: the second of `data_offsets`
/// @param fileOffset first byte, counted from the beginning of the file
/// @param headerOffset where the header names the tensor, counted from the beginning of the file: for messages about it
public record SafetensorsEntry(String name, SafetensorsType type, Shape shape, long dataBegin, long dataEnd, long fileOffset,
        long headerOffset) {
    /// Checks that the ranges are ranges.
    ///
    /// @throws IllegalArgumentException when an offset is negative, the end lies before the beginning, or the length is not that of
    ///         type and shape
    public SafetensorsEntry {
        if (dataBegin < 0 || dataEnd < dataBegin || fileOffset < dataBegin || headerOffset < 0) {
            throw new IllegalArgumentException(name + ": bytes " + dataBegin + " to " + dataEnd + " at " + fileOffset);
        }
        if (type.bytes(shape) != dataEnd - dataBegin) {
            throw new IllegalArgumentException(name + ": " + type + " " + shape + " in " + (dataEnd - dataBegin) + " bytes");
        }
    }

    /// Bytes of the tensor.
    public long length() {
        return dataEnd - dataBegin;
    }
}

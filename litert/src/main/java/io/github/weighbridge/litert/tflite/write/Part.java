package io.github.weighbridge.litert.tflite.write;

/// A run of a model's bytes, in the order of the file.
public sealed interface Part {
    /// Number of bytes.
    long length();

    /// Rendered bytes; the array must not be changed.
    record Bytes(byte[] bytes) implements Part {
        @Override
        public long length() {
            return bytes.length;
        }
    }

    /// Bytes that who lays the file out fills in.
    ///
    /// @param id which ones: see [TfliteBuilder#hole]
    record Hole(int id, long length) implements Part {}

    /// Zero bytes.
    record Zeros(long length) implements Part {}
}

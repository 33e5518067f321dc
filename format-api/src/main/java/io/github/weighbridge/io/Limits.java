package io.github.weighbridge.io;

/// Bounds on what a header may ask of a reader. They protect against files made to exhaust memory; real checkpoints stay far below.
///
/// @param headerBytes longest header of a file, in bytes (100 000 000, the limit of the reference reader of safetensors)
/// @param tensors most tensors in one checkpoint (400 000; the largest mixture-of-experts checkpoints have about 100 000)
/// @param keys most metadata keys in one file (100 000)
/// @param nameBytes longest tensor name or key, in bytes of UTF-8 (65 535)
/// @param textBytes longest text value that is kept in memory, in bytes of UTF-8 (16 MiB)
/// @param keptBytes most bytes that names and values of one header may take together in memory (48 MiB)
/// @param documentBytes longest companion document, such as tokenizer.json (512 MiB)
/// @param depth deepest nesting of a JSON document (64)
/// @param dimensions most dimensions of a tensor (16)
public record Limits(long headerBytes, int tensors, int keys, int nameBytes, int textBytes, long keptBytes, long documentBytes, int depth,
        int dimensions) {
    /// The defaults given at each component.
    public static final Limits DEFAULT = new Limits(100_000_000, 400_000, 100_000, 65_535, 16 << 20, 48L << 20, 512L << 20, 64, 16);

    /// All bounds must be positive.
    public Limits {
        if (headerBytes <= 0 || tensors <= 0 || keys <= 0 || nameBytes <= 0 || textBytes <= 0 || keptBytes <= 0 || documentBytes <= 0
                || depth <= 0
                || dimensions <= 0) {
            throw new IllegalArgumentException("limits must be positive");
        }
    }
}

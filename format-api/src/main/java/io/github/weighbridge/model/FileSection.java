package io.github.weighbridge.model;

/// A range of a file that holds no tensors, and what it holds instead.
///
/// @param kind [#HEADER], [#METADATA], [#TOKENIZER] or [#GRAPH]
/// @param offset first byte
/// @param length number of bytes
public record FileSection(String kind, long offset, long length) {
    /// What says where tensors are: magic numbers, lengths, names, shapes.
    public static final String HEADER = "header";
    /// What says what the model is: hyper-parameters, names, licences.
    public static final String METADATA = "metadata";
    /// Tokens, merges, chat templates.
    public static final String TOKENIZER = "tokenizer";

    /// What says how a runtime computes: operators and their tensors without constants.
    public static final String GRAPH = "graph";

    /// Nothing may be negative.
    public FileSection {
        if (offset < 0 || length < 0 || offset + length < 0) {
            throw new IllegalArgumentException(kind + " of " + length + " bytes at " + offset);
        }
    }
}

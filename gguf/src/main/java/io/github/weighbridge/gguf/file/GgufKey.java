package io.github.weighbridge.gguf.file;

/// A key of a header.
///
/// @param name the key, not empty
/// @param value its value
/// @param offset byte of the file where the entry begins
/// @param valueOffset byte of the file where the value begins, after its type
public record GgufKey(String name, GgufValue value, long offset, long valueOffset) {}

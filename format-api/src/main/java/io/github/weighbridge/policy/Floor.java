package io.github.weighbridge.policy;

/// The fewest bits that a budget may leave to some tensors.
///
/// @param match which tensors
/// @param bits width of a code
/// @param label how messages name it
public record Floor(Match match, int bits, String label) {}

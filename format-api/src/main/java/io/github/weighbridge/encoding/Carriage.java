package io.github.weighbridge.encoding;

/// Whether codes of a grid can move into an encoding.
///
/// @param kind the answer
/// @param relativeBound largest relative change of a value, 0 when exact; it holds where scales are normal numbers of the type they are
///        rounded to, which callers make sure of from the range of scales: a subnormal scale loses more, and a larger one is refused
public record Carriage(Kind kind, double relativeBound) {
    /// The answers.
    public enum Kind {
        /// Codes do not fit: numbers must be encoded anew.
        NO,
        /// Codes and scales move unchanged: every value stays what it was.
        EXACT,
        /// Codes move unchanged, scales are rounded to the target's scale type.
        SCALES_ROUND
    }

    /// Codes do not fit.
    public static final Carriage NO = new Carriage(Kind.NO, Double.POSITIVE_INFINITY);
    /// Everything moves unchanged.
    public static final Carriage EXACT = new Carriage(Kind.EXACT, 0);

    /// Codes move, scales round with at most this relative error.
    public static Carriage scalesRound(double relativeBound) {
        return new Carriage(Kind.SCALES_ROUND, relativeBound);
    }
}

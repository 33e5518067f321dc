package io.github.weighbridge.encoding;

import java.util.Optional;
import java.util.OptionalDouble;

/// What an encoding recipe may use besides the numbers it encodes.
///
/// @param method which recipe, where an encoding has several: `plain`, or a word the encoding documents such as `exact`
/// @param tensorMaximum largest absolute value of the whole tensor, for encodings whose scales depend on it
/// @param importance weight of each column, as an importance matrix gives it; not copied, not to be changed
/// @param sourceType the number type that the numbers had where they came from; recipes that find a grid again count a number as returned
///         when it is what a product of step and level rounds to in that type
public record EncoderInputs(String method, OptionalDouble tensorMaximum, Optional<float[]> importance, Optional<DenseType> sourceType) {
    /// The ordinary recipe with nothing besides the numbers.
    public static final EncoderInputs PLAIN = new EncoderInputs("plain", OptionalDouble.empty(), Optional.empty(), Optional.empty());

    /// Inputs that say nothing of where the numbers came from.
    public EncoderInputs(String method, OptionalDouble tensorMaximum, Optional<float[]> importance) {
        this(method, tensorMaximum, importance, Optional.empty());
    }

    /// A named recipe with nothing besides the numbers.
    public static EncoderInputs method(String method) {
        return new EncoderInputs(method, OptionalDouble.empty(), Optional.empty(), Optional.empty());
    }

    /// The same with a weight of each column.
    public EncoderInputs withImportance(float[] weights) {
        return new EncoderInputs(method, tensorMaximum, Optional.of(weights), sourceType);
    }

    /// The same for numbers that came from a type.
    public EncoderInputs withSourceType(DenseType type) {
        return new EncoderInputs(method, tensorMaximum, importance, Optional.of(type));
    }
}

package io.github.weighbridge.litert.graph;

import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.spi.PolicyException;
import java.util.Optional;

/// What config.json says of an encoder of Gemma 4, read with bounds.
///
/// @param architecture of the whole model
/// @param part word of the encoder: `vision`, `audio`
/// @param fields of its section
record EncoderConfig(Architecture architecture, String part, Value.Fields fields) {
    private static final String SECTION = "_config";

    /// The section of a part; empty where the architecture has none, or takes such input without a tower.
    static Optional<EncoderConfig> of(Architecture architecture, String part) {
        if (!architecture.family().equals("gemma4")
                || architecture.parameters().text("model_type").orElse("").startsWith("gemma4_unified")) {
            return Optional.empty();
        }
        return architecture.parameters().object(part + SECTION).map(fields -> new EncoderConfig(architecture, part, fields));
    }

    /// Why no graph is written.
    PolicyException refusal(String why) {
        return new PolicyException("LiteRT-LM: no " + part + " graph for " + architecture.name() + " (" + architecture.family() + "): "
                + why + "; --strip " + part + " writes it without");
    }

    /// A whole number.
    ///
    /// @throws PolicyException when it is out of bounds
    int whole(String name, int least, int most, long otherwise) throws PolicyException {
        long value = fields.whole(name).orElse(otherwise);
        if (value < least || value > most) {
            throw refusal(part + SECTION + "." + name + " is " + value + ", not from " + least + " to " + most);
        }
        return (int) value;
    }

    /// A number.
    ///
    /// @throws PolicyException when it is less than the least, or none that single precision has
    float number(String name, double least, double otherwise) throws PolicyException {
        double value = fields.number(name).orElse(otherwise);
        if (!(value >= least && value <= Float.MAX_VALUE)) {
            throw refusal(part + SECTION + "." + name + " is " + value + ", no number from " + least + " that it can be computed with");
        }
        return (float) value;
    }
}

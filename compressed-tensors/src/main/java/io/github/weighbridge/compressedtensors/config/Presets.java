package io.github.weighbridge.compressedtensors.config;

import io.github.weighbridge.compressedtensors.config.Args.Strategy;
import java.util.Locale;
import java.util.Optional;

/// Schemes that a configuration may name instead of describing: a key of `config_groups` with a list of targets. (compressed-tensors 0.18.0,
/// `quantization/quant_scheme.py`.)
final class Presets {
    private static final int GROUP = 128;

    private Presets() {}

    static Optional<Group.Scheme> of(String name) {
        Args tokens = new Args(8, Args.Type.INT, true, Strategy.TOKEN, 0, 0, 0, Args.Dynamic.DYNAMIC, Args.Order.NONE, Optional.empty());
        Args floatTokens = new Args(8, Args.Type.FLOAT, true, Strategy.TOKEN, 0, 0, 0, Args.Dynamic.DYNAMIC, Args.Order.NONE,
                Optional.empty());
        return switch (name.toUpperCase(Locale.ROOT)) {
            case "W8A16" -> weights(Args.integers(8, Strategy.CHANNEL, 0, true));
            case "W4A16" -> weights(Args.integers(4, Strategy.GROUP, GROUP, true));
            case "W4A16_ASYM" -> weights(Args.integers(4, Strategy.GROUP, GROUP, false));
            case "W8A8", "INT8" -> both(Args.integers(8, Strategy.CHANNEL, 0, true), tokens);
            case "W4A8" -> both(Args.integers(4, Strategy.GROUP, GROUP, true), tokens);
            case "FP8" -> both(Args.floats(Strategy.TENSOR, 0, 0), Args.floats(Strategy.TENSOR, 0, 0));
            case "FP8_DYNAMIC" -> both(Args.floats(Strategy.CHANNEL, 0, 0), floatTokens);
            default -> Optional.empty();
        };
    }

    private static Optional<Group.Scheme> weights(Args weights) {
        return Optional.of(new Group.Scheme(Optional.of(weights), Optional.empty(), Optional.empty(), Optional.empty()));
    }

    private static Optional<Group.Scheme> both(Args weights, Args input) {
        return Optional.of(new Group.Scheme(Optional.of(weights), Optional.of(input), Optional.empty(), Optional.empty()));
    }
}

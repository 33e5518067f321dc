package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.safetensors.FolderLayout;
import io.github.weighbridge.spi.FormatOption;
import io.github.weighbridge.spi.PolicyException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The settings of the target.
final class CompressedTensorsOptions {
    /// The runtime that must load the result.
    static final String RUNTIME = "runtime";
    private static final String VLLM = "vllm";

    static final List<FormatOption> ALL = List.of(FolderLayout.SHARD_OPTION, new FormatOption(RUNTIME, FormatOption.Kind.VALUE, "NAME",
            "Refuse what this runtime would not load, instead of noting it: vllm."));

    private CompressedTensorsOptions() {}

    /// Why settings make no sense whatever the checkpoint.
    static Optional<String> misuse(Map<String, String> options) {
        String runtime = options.getOrDefault(RUNTIME, VLLM);
        if (!runtime.equals(VLLM)) {
            return Optional.of("--runtime \"" + runtime + "\": the only runtime that is known is vllm");
        }
        try {
            FolderLayout.shardBytes(Optional.ofNullable(options.get(FolderLayout.MAX_SHARD_SIZE)));
            return Optional.empty();
        } catch (PolicyException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }
}

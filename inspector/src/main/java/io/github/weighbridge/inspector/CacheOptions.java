package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.AuditOptions;
import io.github.weighbridge.audit.KeyValueCache;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/// The options that say which key/value caches are listed.
final class CacheOptions {
    @Option(names = "--context", split = ",", paramLabel = "N",
            description = "Contexts to list the key/value cache for, in tokens; k is 1024.") private List<String> contexts =
                    new ArrayList<>();

    @Option(names = "--kv-cache", split = ",", paramLabel = "TYPE",
            description = "Types to list it for: f16, q8_0, int8, q4_0, f32, fp8; what the checkpoint itself wants, or f16, if not given.") private List<
                    String> types = new ArrayList<>();

    @Option(names = "--fits", paramLabel = "SIZE",
            description = "Name the longest context that fits into so much memory (bytes, or 6GiB), with the weights. Exit code 6 when the "
                    + "longest of --context, or any without it, does not.") private String limit = "";

    AuditOptions options() throws UsageException {
        List<Long> tokens = new ArrayList<>();
        for (String context : contexts) {
            tokens.add(Numbers.tokens(context)
                    .orElseThrow(
                            () -> new UsageException("--context \"" + context + "\" is no number of tokens, such as 4096, 32k or 1m")));
        }
        List<KeyValueCache.Type> caches = new ArrayList<>();
        for (String type : types) {
            caches.add(KeyValueCache.Type.of(type).orElseThrow(() -> new UsageException("--kv-cache \"" + type + "\" is none of "
                    + Arrays.stream(KeyValueCache.Type.values()).map(KeyValueCache.Type::word).collect(Collectors.joining(", ")))));
        }
        AuditOptions options = new AuditOptions(true, tokens.stream().distinct().toList(), caches.stream().distinct().toList());
        if (limit.isEmpty()) {
            return options;
        }
        return options.withLimit(Numbers.bytes(limit)
                .orElseThrow(() -> new UsageException("--fits \"" + limit + "\" is no size, such as 6000000000, 800MB or 6GiB")));
    }
}

package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.io.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What may stand in a `quantization_config`, written down once more from the description of the format. Unknown keys are wrong everywhere, also
/// where readers would drop them.
final class ConfigSchema {
    private static final Set<String> TOP = Set.of("quant_method", "version", "format", "config_groups", "ignore", "kv_cache_scheme",
            "quantization_status", "global_compression_ratio", "sparsity_config", "transform_config");
    private static final Set<String> GROUP = Set.of("targets", "weights", "input_activations", "output_activations", "format");
    private static final Set<String> ARGS = Set.of("num_bits", "type", "symmetric", "strategy", "group_size", "block_structure", "dynamic",
            "actorder", "scale_dtype", "zp_dtype", "observer", "observer_kwargs");
    private static final Set<String> FORMATS = Set.of("dense", "pack-quantized", "int-quantized", "float-quantized", "naive-quantized",
            "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized");
    private static final Set<String> STRATEGIES =
            Set.of("tensor", "channel", "group", "block", "token", "tensor_group", "attn_head");

    private final List<String> wrong = new ArrayList<>();

    private ConfigSchema() {}

    /// All that is wrong with a configuration.
    static List<String> wrong(Value.Fields config) {
        ConfigSchema schema = new ConfigSchema();
        schema.top(config);
        return schema.wrong;
    }

    private void need(boolean right, String what) {
        if (!right) {
            wrong.add(what);
        }
    }

    private void keys(String where, Value.Fields fields, Set<String> known, Set<String> required) {
        fields.fields().keySet().forEach(key -> need(known.contains(key), where + " has the key " + key));
        required.forEach(key -> need(fields.fields().containsKey(key), where + " has no " + key));
    }

    private void top(Value.Fields config) {
        keys("top", config, TOP, Set.of("quant_method", "format", "config_groups", "ignore", "quantization_status"));
        need(config.text("quant_method").equals(java.util.Optional.of("compressed-tensors")), "quant_method");
        need(config.text("quantization_status").equals(java.util.Optional.of("compressed")), "quantization_status");
        String format = config.text("format").orElse("");
        need(FORMATS.contains(format) || format.equals("mixed-precision"), "format " + format);
        List<String> formats = new ArrayList<>();
        Map<String, Value> groups = config.object("config_groups").orElseThrow().fields();
        groups.forEach((name, group) -> {
            if (group instanceof Value.Fields fields) {
                group(name, fields);
                formats.add(fields.text("format").orElse(""));
            } else {
                wrong.add(name + " is no object");
            }
        });
        long different = formats.stream().distinct().count();
        need(different <= 1 || format.equals("mixed-precision"), different + " formats without mixed-precision");
        need(different != 1 || format.equals(formats.getFirst()), "format " + format + " of groups " + formats);
        for (String empty : List.of("sparsity_config", "transform_config")) {
            need(config.fields().get(empty) instanceof Value.Fields fields && fields.fields().isEmpty(), empty);
        }
        config.list("ignore").orElse(List.of()).forEach(entry -> need(entry instanceof Value.Text, "ignore"));
        config.object("kv_cache_scheme").ifPresent(args -> args("kv_cache_scheme", args, false));
    }

    private void group(String name, Value.Fields group) {
        keys(name, group, GROUP, Set.of("targets", "weights", "format"));
        List<Value> targets = group.list("targets").orElse(List.of());
        need(!targets.isEmpty() && targets.stream().allMatch(Value.Text.class::isInstance), name + ".targets");
        need(FORMATS.contains(group.text("format").orElse("")), name + ".format");
        args(name + ".weights", group.object("weights").orElseThrow(), false);
        group.object("input_activations").ifPresent(args -> args(name + ".input", args, true));
        group.object("output_activations").ifPresent(args -> args(name + ".output", args, true));
    }

    private void args(String where, Value.Fields args, boolean activations) {
        keys(where, args, ARGS, Set.of("num_bits", "type", "symmetric", "strategy", "dynamic"));
        String strategy = args.text("strategy").orElse("");
        boolean symmetric = args.flag("symmetric").orElse(true);
        Value dynamic = args.fields().get("dynamic");
        boolean isDynamic = dynamic.equals(Value.of(true));
        need(args.whole("num_bits").filter(bits -> bits >= 1 && bits <= 8).isPresent(), where + ".num_bits");
        need(Set.of("int", "float").contains(args.text("type").orElse("")), where + ".type");
        need(STRATEGIES.contains(strategy), where + ".strategy");
        need(args.whole("group_size").isPresent() == (strategy.equals("group") || strategy.equals("tensor_group")), where + ".group_size");
        need(args.get("block_structure").isPresent() == strategy.equals("block"), where + ".block_structure");
        need(dynamic instanceof Value.Flag || dynamic.equals(Value.of("local")), where + ".dynamic");
        need(!strategy.equals("token") || isDynamic, where + ": tokens are not dynamic");
        need(!isDynamic || Set.of("token", "tensor", "group", "tensor_group").contains(strategy), where + ": dynamic " + strategy);
        need(args.text("zp_dtype").isPresent() != symmetric, where + ".zp_dtype");
        need(!activations || args.get("actorder").isEmpty(), where + ".actorder");
        need(args.text("observer").isPresent() != isDynamic, where + ".observer");
        need(args.fields().get("observer_kwargs") instanceof Value.Fields, where + ".observer_kwargs");
    }
}

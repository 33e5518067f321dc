package io.github.weighbridge.compressedtensors.config;

import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// How one kind of tensor of a group is quantised: `weights`, `input_activations` or `output_activations`. (compressed-tensors 0.18.0,
/// `quantization/quant_args.py`.)
///
/// @param bits width of a code
/// @param type whether codes are integers or floats
/// @param symmetric whether 0 is a code of its own, without zero points
/// @param strategy which elements share a scale
/// @param groupSize columns of a group; 0 where the strategy has none
/// @param blockRows rows of a block; 0 where the strategy has none
/// @param blockColumns columns of a block; 0 where the strategy has none
/// @param dynamic when scales are found
/// @param order whether columns were quantised in another order
/// @param scaleType `torch.` and a type, where scales have another type than the module
public record Args(int bits, Type type, boolean symmetric, Strategy strategy, int groupSize, int blockRows, int blockColumns,
        Dynamic dynamic,
        Order order, Optional<String> scaleType) {
    /// Integers or floats.
    public enum Type {
        /// Integers.
        INT,
        /// Floats.
        FLOAT;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// Which elements share a scale.
    public enum Strategy {
        /// All.
        TENSOR,
        /// A row.
        CHANNEL,
        /// A run of columns.
        GROUP,
        /// A rectangle.
        BLOCK,
        /// An activation of one token.
        TOKEN,
        /// A run of columns, with a scale for the tensor besides.
        TENSOR_GROUP,
        /// A head of attention.
        ATTN_HEAD;

        /// The word in config.json.
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// When scales are found.
    public enum Dynamic {
        /// They are stored.
        STATIC,
        /// While the model runs.
        DYNAMIC,
        /// Those of groups while it runs, the one of the tensor is stored.
        LOCAL
    }

    /// Whether columns were quantised in another order.
    public enum Order {
        /// As they lie.
        NONE,
        /// In another, without a trace in the tensors.
        WEIGHT,
        /// Groups are of columns that do not lie together: `weight_g_idx`.
        GROUP
    }

    private static final Set<String> KEYS = Set.of("num_bits", "type", "symmetric", "strategy", "group_size", "block_structure", "dynamic",
            "actorder", "scale_dtype", "zp_dtype", "observer", "observer_kwargs");

    /// Symmetric static integers as they lie.
    public static Args integers(int bits, Strategy strategy, int groupSize, boolean symmetric) {
        return new Args(bits, Type.INT, symmetric, strategy, groupSize, 0, 0, Dynamic.STATIC, Order.NONE, Optional.empty());
    }

    /// Symmetric E4M3 numbers.
    public static Args floats(Strategy strategy, int blockRows, int blockColumns) {
        return new Args(8, Type.FLOAT, true, strategy, 0, blockRows, blockColumns, Dynamic.STATIC, Order.NONE, Optional.empty());
    }

    /// A copy whose scales are found while the model runs.
    public Args asDynamic() {
        return new Args(bits, type, symmetric, strategy, groupSize, blockRows, blockColumns, Dynamic.DYNAMIC, order, scaleType);
    }

    static Args read(Reading in) throws CheckpointFormatException {
        in.onlyKeys(KEYS);
        int bits = (int) in.whole("num_bits", 1, 16, 8);
        Type type = in.word("type", Map.of("int", Type.INT, "float", Type.FLOAT), Type.INT);
        boolean symmetric = in.flag("symmetric", true);
        long groupSize = in.whole("group_size", -1, 1 << 24, 0);
        Map<String, Strategy> words = new LinkedHashMap<>();
        for (Strategy each : Strategy.values()) {
            words.put(each.word(), each);
        }
        Strategy inferred = groupSize > 0 ? Strategy.GROUP : groupSize < 0 ? Strategy.CHANNEL : Strategy.TENSOR;
        Strategy strategy = in.word("strategy", words, inferred);
        boolean grouped = strategy == Strategy.GROUP || strategy == Strategy.TENSOR_GROUP;
        if (grouped && groupSize <= 0) {
            throw in.wrong("group_size", in.found("group_size"), "a whole number above 0 with strategy " + strategy.word());
        }
        if (!grouped && groupSize > 0) {
            throw in.wrong("group_size", groupSize, "none with strategy " + strategy.word());
        }
        int[] block = {0, 0};
        if (in.has("block_structure")) {
            if (strategy != Strategy.BLOCK) {
                throw in.wrong("block_structure", "a block", "none with strategy " + strategy.word());
            }
            block = in.block("block_structure");
        } else if (strategy == Strategy.BLOCK) {
            throw in.wrong("block_structure", "nothing", "rows and columns of a block with strategy block");
        }
        Dynamic dynamic = in.dynamic();
        boolean mayBeDynamic = strategy == Strategy.TOKEN || strategy == Strategy.TENSOR || grouped;
        if (dynamic == Dynamic.DYNAMIC && !mayBeDynamic || dynamic == Dynamic.LOCAL && strategy != Strategy.TENSOR_GROUP
                || dynamic == Dynamic.STATIC && strategy == Strategy.TOKEN) {
            throw in.wrong("dynamic", in.found("dynamic"), "a value that goes with strategy " + strategy.word());
        }
        Order order = in.order();
        for (String text : List.of("scale_dtype", "zp_dtype", "observer")) {
            in.text(text);
        }
        return new Args(bits, type, symmetric, strategy, grouped ? (int) groupSize : 0, block[0], block[1], dynamic, order,
                in.text("scale_dtype"));
    }

    /// As config.json has it, all keys.
    public Value.Fields toFields() {
        Map<String, Value> fields = new LinkedHashMap<>();
        Value nothing = new Value.Nothing();
        Function<String, Value> text = Value::of;
        fields.put("actorder", order == Order.NONE ? nothing : Value.of(order.name().toLowerCase(Locale.ROOT)));
        fields.put("block_structure", strategy == Strategy.BLOCK
                ? new Value.Items(List.of(Value.of(blockRows), Value.of(blockColumns)))
                : nothing);
        fields.put("dynamic", switch (dynamic) {
            case STATIC -> Value.of(false);
            case DYNAMIC -> Value.of(true);
            case LOCAL -> Value.of("local");
        });
        fields.put("group_size", groupSize > 0 ? Value.of(groupSize) : nothing);
        fields.put("num_bits", Value.of(bits));
        fields.put("observer", dynamic == Dynamic.STATIC ? Value.of("memoryless_minmax") : nothing);
        fields.put("observer_kwargs", Value.Fields.EMPTY);
        fields.put("scale_dtype", scaleType.map(text).orElse(nothing));
        fields.put("strategy", Value.of(strategy.word()));
        fields.put("symmetric", Value.of(symmetric));
        fields.put("type", Value.of(type.word()));
        fields.put("zp_dtype", symmetric ? nothing : Value.of("torch.int8"));
        return new Value.Fields(fields);
    }
}

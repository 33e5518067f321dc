package io.github.weighbridge.safetensors;

import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Grid;
import io.github.weighbridge.encoding.GridEncoding;
import io.github.weighbridge.encoding.Packing;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.safetensors.file.SafetensorsEntry;
import io.github.weighbridge.safetensors.file.SafetensorsFolder;
import io.github.weighbridge.safetensors.file.SafetensorsFolder.Located;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// `quant_method: "gemma"`: the mobile checkpoints of Gemma 4 as transformers reads them (5.18, `integrations/gemma_quant.py`).
///
/// A module's width comes from the first rule whose pattern is found in its name, in the order of config.json. A linear module `M` has
/// `M.weight` with codes of 2 or 4 bits, lowest bits first, stored as level minus lowest level, or plain I8; `M.weight_scale` F32 [out, 1]; and
/// scalars `M.input_activation_scale`, `M.output_activation_scale`, 0 meaning none. A table `E` has `E.embedding_quantized` and
/// `E.embedding_scale` [rows, blocks]. Attention modules have `k_cache_scale` and `v_cache_scale`.
final class GemmaQuantization {
    static final String METHOD = "gemma";
    private static final String WEIGHT = ".weight";
    private static final String WEIGHT_SCALE = ".weight_scale";
    private static final String TABLE = ".embedding_quantized";
    private static final String TABLE_SCALE = ".embedding_scale";
    private static final String INPUT_SCALE = ".input_activation_scale";
    private static final String OUTPUT_SCALE = ".output_activation_scale";
    private static final List<String> CACHE_SCALES = List.of(".k_cache_scale", ".v_cache_scale");
    private static final Set<Integer> WIDTHS = Set.of(2, 4, 8);
    private static final int LONGEST_PATTERN = 1000;

    /// @param pattern searched for in a module's name
    /// @param bits width of its codes
    private record Rule(Pattern pattern, int bits) {}

    private final Parameters config;
    private final List<Rule> rules = new ArrayList<>();
    private final int defaultBits;
    /// Modules that hold plain numbers, whatever the rules say.
    private final List<String> plain = new ArrayList<>();
    private final boolean tables;

    GemmaQuantization(Parameters config) throws CheckpointFormatException {
        this.config = config;
        this.defaultBits = width(config, "quantization_config.num_bits", config.whole("num_bits", 1, 64, 4));
        this.tables = config.flag("quantize_embeddings", true);
        List<Value> named = config.list("modules_to_not_convert").orElse(List.of());
        for (Value name : named) {
            if (!(name instanceof Value.Text(String text))) {
                throw config.wrong("quantization_config.modules_to_not_convert", Parameters.describe(name), "names of modules");
            }
            plain.add(text);
        }
        Optional<Parameters> modules = config.object("module_quant_configs");
        if (modules.isPresent()) {
            for (Map.Entry<String, Value> rule : modules.get().fields().fields().entrySet()) {
                if (!(rule.getValue() instanceof Value.Fields fields)) {
                    throw config.wrong("quantization_config.module_quant_configs \"" + rule.getKey() + "\"",
                            Parameters.describe(rule.getValue()),
                            "an object with num_bits");
                }
                String where = "quantization_config.module_quant_configs \"" + rule.getKey() + "\".num_bits";
                int bits = width(config, where, new Parameters(config.file(), fields).whole("num_bits", 1, 64, defaultBits));
                rules.add(new Rule(pattern(rule.getKey()), bits));
            }
        }
    }

    private static int width(Parameters config, String where, long bits) throws CheckpointFormatException {
        if (!WIDTHS.contains((int) bits)) {
            throw config.wrong(where, bits, "2, 4 or 8");
        }
        return (int) bits;
    }

    private Pattern pattern(String text) throws CheckpointFormatException {
        if (text.length() > LONGEST_PATTERN) {
            throw config.wrong("quantization_config.module_quant_configs", "a pattern of " + text.length() + " characters",
                    "at most " + LONGEST_PATTERN);
        }
        try {
            return Pattern.compile(text);
        } catch (PatternSyntaxException e) {
            throw config.wrong("quantization_config.module_quant_configs", "\"" + text + "\"",
                    "a regular expression (" + e.getDescription() + ")");
        }
    }

    private int bits(String module) {
        for (Rule rule : rules) {
            if (rule.pattern.matcher(module).find()) {
                return rule.bits;
            }
        }
        return defaultBits;
    }

    /// Adds all tensors of a folder to the graph.
    ///
    /// @param columns the true number of columns of a tensor by name, where the architecture tells: packed rows may end in unused bits
    void addTensors(SafetensorsFolder folder, Function<String, Optional<Long>> columns, Function<Located, StoredTensor> dense,
            GraphBuilder builder)
            throws CheckpointFormatException {
        Map<String, Located> entries = HashMap.newHashMap(folder.tensors().size());
        folder.tensors().forEach(located -> entries.put(located.entry().name(), located));
        Set<String> scales = new HashSet<>();
        for (Located located : folder.tensors()) {
            String name = located.entry().name();
            if (name.endsWith(WEIGHT) && entries.containsKey(module(name, WEIGHT) + WEIGHT_SCALE)) {
                scales.add(module(name, WEIGHT) + WEIGHT_SCALE);
            } else if (name.endsWith(TABLE)) {
                scales.add(module(name, TABLE) + TABLE_SCALE);
            }
        }
        for (Located located : folder.tensors()) {
            String name = located.entry().name();
            if (scales.contains(name)) {
                continue;
            }
            if (name.endsWith(TABLE)) {
                builder.add(quantised(located, entries.get(module(name, TABLE) + TABLE_SCALE), module(name, TABLE), columns, folder));
            } else if (name.endsWith(WEIGHT) && scales.contains(module(name, WEIGHT) + WEIGHT_SCALE)) {
                builder.add(quantised(located, entries.get(module(name, WEIGHT) + WEIGHT_SCALE), module(name, WEIGHT), columns, folder));
            } else {
                addOther(located, entries, dense, folder, builder);
            }
        }
    }

    private static String module(String name, String suffix) {
        return name.substring(0, name.length() - suffix.length());
    }

    private static void addOther(Located located, Map<String, Located> entries, Function<Located, StoredTensor> dense,
            SafetensorsFolder folder,
            GraphBuilder builder) throws CheckpointFormatException {
        String name = located.entry().name();
        for (String suffix : List.of(INPUT_SCALE, OUTPUT_SCALE)) {
            if (name.endsWith(suffix)) {
                String module = module(name, suffix);
                String of = entries.containsKey(module + TABLE) ? module + TABLE : module + WEIGHT;
                scalar(located, folder);
                if (!entries.containsKey(of)) {
                    throw wrong(located, folder, "no tensor \"" + of + "\"", "the weights that it belongs to");
                }
                builder.addActivationScale(dense.apply(located), of, suffix.equals(INPUT_SCALE));
                return;
            }
        }
        for (String suffix : CACHE_SCALES) {
            if (name.endsWith(suffix)) {
                scalar(located, folder);
                builder.addCacheScale(dense.apply(located), module(name, suffix) + ".q_proj" + WEIGHT);
                return;
            }
        }
        if (name.endsWith(WEIGHT_SCALE) || name.endsWith(TABLE_SCALE)) {
            throw wrong(located, folder, "no codes for it", "codes beside every scale");
        }
        SafetensorsType type = located.entry().type();
        if (name.endsWith(WEIGHT) && (type == SafetensorsType.U8 || type == SafetensorsType.I8)) {
            throw wrong(located, folder, "codes without \"" + module(name, WEIGHT) + WEIGHT_SCALE + "\"", "a scale for every row");
        }
        builder.add(dense.apply(located));
    }

    private static void scalar(Located located, SafetensorsFolder folder) throws CheckpointFormatException {
        SafetensorsEntry entry = located.entry();
        if (entry.type() != SafetensorsType.F32 || entry.shape().elements() != 1) {
            throw wrong(located, folder, entry.type() + " " + entry.shape(), "one F32 number");
        }
    }

    private static CheckpointFormatException wrong(Located located, SafetensorsFolder folder, Object found, String expected) {
        return CheckpointFormatException.malformed(folder.shards().get(located.shard()).source().name(), located.entry().headerOffset(),
                "tensor \"" + located.entry().name() + "\"", found, expected);
    }

    private StoredTensor quantised(Located codes, @org.jspecify.annotations.Nullable Located scale, String module,
            Function<String, Optional<Long>> known,
            SafetensorsFolder folder) throws CheckpointFormatException {
        SafetensorsEntry entry = codes.entry();
        int bits = bits(module);
        Optional<String> unconverted = plain.stream()
                .filter(name -> module.equals(name) || module.startsWith(name + ".") || module.endsWith("." + name)).findFirst();
        if (unconverted.isPresent()) {
            throw wrong(codes, folder, "codes", "plain numbers, since modules_to_not_convert names \"" + unconverted.get() + "\"");
        }
        if (!tables && entry.name().endsWith(TABLE)) {
            throw wrong(codes, folder, "codes", "plain numbers, since quantize_embeddings is false");
        }
        if (scale == null) {
            throw wrong(codes, folder, "no \"" + module + TABLE_SCALE + "\"", "scales beside the codes");
        }
        SafetensorsType type = bits == 8 ? SafetensorsType.I8 : SafetensorsType.U8;
        if (entry.type() != type || entry.shape().rank() != 2) {
            throw wrong(codes, folder, entry.type() + " " + entry.shape(),
                    type + " with two dimensions, as the rules give the module " + bits + " bits");
        }
        long rows = entry.shape().rows();
        long width = entry.shape().columns();
        long columns = known.apply(entry.name()).orElse(width * 8 / bits);
        if ((columns * bits + 7) / 8 != width) {
            throw wrong(codes, folder, "rows of " + width + " bytes",
                    (columns * bits + 7) / 8 + " bytes for " + columns + " codes of " + bits + " bits");
        }
        Shape scales = scale.entry().shape();
        if (scale.entry().type() != SafetensorsType.F32 || scales.rank() != 2 || scales.rows() != rows || scales.columns() == 0
                || columns % scales.columns() != 0) {
            throw wrong(scale, folder, scale.entry().type() + " " + scales,
                    "F32 [" + rows + ", blocks], the blocks dividing " + columns + " columns");
        }
        Grid.Granularity granularity = scales.columns() == 1 ? new Grid.Granularity.Row()
                : new Grid.Granularity.Group(Math.toIntExact(columns / scales.columns()));
        GridEncoding encoding =
                new GridEncoding("int" + bits + (scales.columns() == 1 ? "/channel" : "/group" + columns / scales.columns()),
                        new Grid(Grid.Levels.Range.ofBits(bits), granularity, DenseType.F32, false, Grid.Zero.NONE),
                        new Packing(bits, bits != 8, 8));
        return new StoredTensor(entry.name(), Shape.of(rows, columns), encoding,
                List.of(new Span(codes.shard(), entry.fileOffset(), entry.length()),
                        new Span(scale.shard(), scale.entry().fileOffset(), scale.entry().length())));
    }
}

package io.github.weighbridge.compressedtensors;

import io.github.weighbridge.compressedtensors.config.Args;
import io.github.weighbridge.compressedtensors.config.ModuleMatcher;
import io.github.weighbridge.compressedtensors.config.QuantizationConfig;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.OpaqueEncoding;
import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.safetensors.HuggingFaceFolder;
import io.github.weighbridge.safetensors.file.SafetensorsFolder.Located;
import io.github.weighbridge.safetensors.file.SafetensorsType;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.view.StoredTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Makes a checkpoint of a folder of compressed-tensors: entries of one module become one stored tensor, and what the configuration says is compared
/// with what is there.
///
/// A quantised weight has the name that the plain one would have, `M.weight`, whatever its entries are called.
final class CompressedTensorsReader {
    private static final Set<String> CACHE_SCALES = Set.of(ModuleNames.KEY_SCALE, ModuleNames.VALUE_SCALE, ".q_scale");
    private static final Set<String> ACTIVATION_SCALES = Set.of(ModuleNames.INPUT_SCALE, ModuleNames.OUTPUT_SCALE);
    private static final Set<String> BESIDE = Set.of(".input_zero_point", ".output_zero_point", ".input_global_scale");
    private static final List<String> PARTS = List.of(ModuleNames.PACKED, ModuleNames.SCALE, ModuleNames.SHAPE, ModuleNames.ZERO_POINT,
            ModuleNames.INDEX, ModuleNames.GLOBAL_SCALE);

    private final HuggingFaceFolder folder;
    private final GraphBuilder builder;
    private final ModuleMatcher matcher;
    private final Map<String, Map<String, Located>> modules = new LinkedHashMap<>();
    private final FolderAudit audit;

    private CompressedTensorsReader(HuggingFaceFolder folder, GraphBuilder builder, QuantizationConfig config) {
        this.folder = folder;
        this.builder = builder;
        this.matcher = new ModuleMatcher(config);
        this.audit = new FolderAudit(config);
    }

    static Checkpoint open(Source source, ReadOptions options) throws IOException {
        List<CacheChoice> choices = new ArrayList<>();
        Checkpoint checkpoint = HuggingFaceFolder.open(source, options, CompressedTensorsFormat.NAME, (folder, builder, findings) -> {
            QuantizationConfig config = config(folder.config());
            config.cache().ifPresent(scheme -> choices.add(choice(scheme)));
            CompressedTensorsReader reader = new CompressedTensorsReader(folder, builder, config);
            reader.group();
            reader.add();
            findings.addAll(reader.audit.findings());
        });
        return choices.isEmpty() ? checkpoint : checkpoint.withCache(choices.getFirst());
    }

    /// What a scheme for caches says: one type for all layers.
    static CacheChoice choice(Args scheme) {
        String word = (scheme.type() == Args.Type.FLOAT ? "fp" : "int") + scheme.bits();
        return new CacheChoice(word, word, CacheChoice.SCHEME);
    }

    /// The configuration in either of its places.
    static QuantizationConfig config(Parameters config) throws CheckpointFormatException {
        String where = HuggingFaceFolder.QUANTIZATION;
        Optional<Parameters> part = config.object(where);
        if (part.isEmpty()) {
            where = HuggingFaceFolder.OLD_QUANTIZATION;
            part = config.object(where);
        }
        if (part.isEmpty()) {
            throw config.wrong(HuggingFaceFolder.QUANTIZATION, "nothing", "what compressed-tensors writes there");
        }
        return QuantizationConfig.read(where, part.get());
    }

    /// Puts the entries of each module together, in the order in which its first comes.
    private void group() {
        for (Located located : folder.tensors().tensors()) {
            for (String part : PARTS) {
                ModuleNames.module(located.name(), part)
                        .ifPresent(module -> modules.computeIfAbsent(module, _ -> new HashMap<>()).put(part, located));
            }
        }
        for (Located located : folder.tensors().tensors()) {
            ModuleNames.module(located.name(), ModuleNames.WEIGHT).map(modules::get)
                    .ifPresent(module -> module.put(ModuleNames.WEIGHT, located));
        }
    }

    private void add() throws IOException {
        Map<String, ByteBuffer> small = SmallTensors.read(folder, smallTensors());
        Map<String, StoredTensor> made = new HashMap<>();
        for (Map.Entry<String, Map<String, Located>> module : modules.entrySet()) {
            StoredTensor tensor = tensor(module.getKey(), module.getValue(), small);
            made.put(module.getKey(), tensor);
        }
        for (Located located : folder.tensors().tensors()) {
            add(located, made);
        }
        audit.finish();
    }

    /// Shapes and orders of columns, which must be known before anything else is.
    private List<Located> smallTensors() throws CheckpointFormatException {
        List<Located> small = new ArrayList<>();
        for (Map<String, Located> module : modules.values()) {
            Located shape = module.get(ModuleNames.SHAPE);
            if (shape != null) {
                boolean right = shape.entry().type() == SafetensorsType.I64 && shape.entry().shape().rank() == 1
                        && shape.entry().shape().elements() == 2;
                if (!right) {
                    throw folder.wrong(shape, shape.entry().type() + " " + shape.entry().shape(), "I64 [2]");
                }
                small.add(shape);
            }
            Located index = module.get(ModuleNames.INDEX);
            if (index != null) {
                if (index.entry().length() > 1 << 20) {
                    throw folder.wrong(index, index.entry().length() + " bytes", "at most a million");
                }
                small.add(index);
            }
        }
        return small;
    }

    private StoredTensor tensor(String module, Map<String, Located> entries, Map<String, ByteBuffer> small) throws IOException {
        Located first = entries.values().iterator().next();
        if (!entries.containsKey(ModuleNames.PACKED) && !entries.containsKey(ModuleNames.WEIGHT)) {
            throw folder.wrong(first, "no \"" + module + ModuleNames.PACKED + "\" and no \"" + module + ModuleNames.WEIGHT + '"',
                    "codes beside scales, shapes and zero points");
        }
        String className = ModuleNames.className(module);
        List<ModuleMatcher.Match> matches = matcher.matches(module, className);
        Optional<Args> args = matches.isEmpty() ? Optional.empty() : matches.getFirst().group().scheme().weights();
        Located shape = entries.get(ModuleNames.SHAPE);
        Optional<long[]> sides = Optional.empty();
        if (shape != null) {
            ByteBuffer bytes = java.util.Objects.requireNonNull(small.get(shape.name()));
            sides = Optional.of(new long[] {bytes.getLong(0), bytes.getLong(Long.BYTES)});
        }
        StoredTensor tensor = new PackedModule(folder, module, entries, args).tensor(sides);
        checkIndex(entries, tensor, small);
        audit.quantised(module, className, matches, matcher.ignores(module, className), tensor,
                entries.containsKey(ModuleNames.ZERO_POINT));
        return tensor;
    }

    /// Groups that columns name must be there, or decoding would look beside the scales.
    private void checkIndex(Map<String, Located> entries, StoredTensor tensor, Map<String, ByteBuffer> small)
            throws CheckpointFormatException {
        Located index = entries.get(ModuleNames.INDEX);
        if (index == null || tensor.encoding() instanceof OpaqueEncoding) {
            return;
        }
        ByteBuffer bytes = java.util.Objects.requireNonNull(small.get(index.name()));
        long groups = java.util.Objects.requireNonNull(entries.get(ModuleNames.SCALE)).entry().shape().columns();
        for (int i = 0; i < bytes.capacity(); i += Integer.BYTES) {
            int group = bytes.getInt(i);
            if (group < 0 || group >= groups) {
                throw folder.wrong(index, "group " + group + " for column " + i / Integer.BYTES, "one of " + groups + " groups");
            }
        }
    }

    private void add(Located located, Map<String, StoredTensor> made) throws CheckpointFormatException {
        String name = located.name();
        for (String part : List.of(ModuleNames.PACKED, ModuleNames.WEIGHT)) {
            Optional<String> module = ModuleNames.module(name, part);
            if (module.isPresent() && made.containsKey(module.get())) {
                builder.add(java.util.Objects.requireNonNull(made.get(module.get())));
                return;
            }
        }
        for (String part : PARTS) {
            Optional<String> module = ModuleNames.module(name, part);
            if (module.isPresent()) {
                StoredTensor tensor = java.util.Objects.requireNonNull(made.get(module.get()));
                if (tensor.planes().stream().noneMatch(HuggingFaceFolder.span(located)::equals)) {
                    builder.addBeside(HuggingFaceFolder.stored(located), tensor.name(), Role.OTHER);
                }
                return;
            }
        }
        String last = name.substring(Math.max(0, name.lastIndexOf('.')));
        String module = name.substring(0, name.length() - last.length());
        if (CACHE_SCALES.contains(last)) {
            number(located);
            builder.addCacheScale(HuggingFaceFolder.stored(located), module + ".q_proj" + ModuleNames.WEIGHT);
        } else if (ACTIVATION_SCALES.contains(last)) {
            weightOf(located, module);
            number(located);
            audit.scaled(module, last);
            builder.addActivationScale(HuggingFaceFolder.stored(located), module + ModuleNames.WEIGHT,
                    last.equals(ModuleNames.INPUT_SCALE));
        } else if (BESIDE.contains(last)) {
            weightOf(located, module);
            builder.addBeside(HuggingFaceFolder.stored(located), module + ModuleNames.WEIGHT, Role.ACTIVATION_SCALE);
        } else {
            Optional<String> plain = ModuleNames.module(name, ModuleNames.WEIGHT);
            if (plain.isPresent() && located.entry().shape().rank() == 2) {
                String className = ModuleNames.className(plain.get());
                audit.plain(plain.get(), matcher.matches(plain.get(), className), matcher.ignores(plain.get(), className));
            }
            builder.add(HuggingFaceFolder.stored(located));
        }
    }

    private void weightOf(Located located, String module) throws CheckpointFormatException {
        if (!modules.containsKey(module) && folder.tensors().find(module + ModuleNames.WEIGHT).isEmpty()) {
            throw folder.wrong(located, "no weights of \"" + module + '"', "the weights that it belongs to");
        }
    }

    private void number(Located located) throws CheckpointFormatException {
        boolean floating = HuggingFaceFolder.dense(located.entry().type()).filter(DenseType::floatingPoint).isPresent();
        if (!floating || located.entry().shape().elements() < 1) {
            throw folder.wrong(located, located.entry().type() + " " + located.entry().shape(), "a floating point number");
        }
    }
}

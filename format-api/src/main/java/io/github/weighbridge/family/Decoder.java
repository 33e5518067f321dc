package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Layer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A family of decoders told by two tables, one of hyper-parameters ([Key]) and one of tensors ([Row]), each with the names of both dialects.
/// A family states its tables and what transformers takes for a parameter that is not there; the dialects are the same for all.
///
/// The parameters of its architectures are a complete config.json of the text model, rotary parameters in the older form: `rope_theta` and
/// `rope_scaling`, which all versions of transformers read.
abstract class Decoder implements Family {
    private static final int MOST_LAYERS = 4096;
    /// Far above any released mixture; keeps tables of hostile files small.
    private static final long MOST_EXPERTS = 1 << 17;
    private static final List<String> NOT_OF_THE_TEXT_MODEL =
            List.of("text_config", "quantization_config", "architectures", "transformers_version", "dtype", "torch_dtype");

    private final String name;
    private final Set<String> modelTypes;
    private final String className;

    /// @param name the family's word, which is also the architecture's word in GGUF
    /// @param modelTypes values of `model_type` in config.json; the first is written
    /// @param className the class of transformers, for `architectures`
    Decoder(String name, List<String> modelTypes, String className) {
        this.name = name;
        this.modelTypes = new java.util.LinkedHashSet<>(modelTypes);
        this.className = className;
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final List<Dialect> dialects() {
        return List.of(new InHuggingFace(this), new InGguf(this));
    }

    /// The table of hyper-parameters, in the order GGUF has them.
    abstract List<Key> keys();

    /// Parameters that transformers assumes where config.json has none, by name, in the order they are written.
    abstract Map<String, Value> defaults();

    /// The table of tensors.
    abstract void rows(Architecture architecture, Rows rows);

    /// Parameters as the tables know them, from those of a file: other spellings are turned into one, and what follows from others is added.
    ///
    /// @throws CheckpointFormatException when one is impossible
    void complete(Parameters given, Map<String, Value> config) throws CheckpointFormatException {}

    /// Completes what was read of GGUF's keys by what its tensors tell; see [Dialect#TENSOR].
    ///
    /// @throws CheckpointFormatException when they are impossible
    void told(Parameters gguf, Map<String, Value> config) throws CheckpointFormatException {}

    /// Which positions each layer sees; all of them, unless a family says otherwise.
    ///
    /// @throws CheckpointFormatException when parameters about it are impossible
    List<Layer.Attention> attentions(Parameters config, int count) throws CheckpointFormatException {
        return java.util.Collections.nCopies(count, Layer.Attention.FULL);
    }

    /// Whether a layer's feed-forward network is a mixture of experts.
    boolean sparse(Value.Fields config, int layer) {
        return true;
    }

    /// The name in the table for a name found in a safetensors file.
    String canonicalName(String stored) {
        return stored;
    }

    final List<Row> table(Architecture architecture) {
        Rows rows = new Rows();
        rows(architecture, rows);
        return rows.list();
    }

    /// Reads a configuration, the text model's own parameters at the top or in `text_config`.
    private Architecture architecture(Parameters config, String label) throws CheckpointFormatException {
        Map<String, Value> merged = new LinkedHashMap<>(config.fields().fields());
        Optional<Parameters> text = config.object("text_config");
        if (text.isPresent()) {
            merged.putAll(text.get().fields().fields());
            config.fields().get("tie_word_embeddings").ifPresent(tied -> merged.put("tie_word_embeddings", tied));
        }
        NOT_OF_THE_TEXT_MODEL.forEach(merged::remove);
        merged.put("model_type", Value.of(modelTypes.iterator().next()));
        merged.values().removeIf(Value.Nothing.class::isInstance);
        defaults().forEach(merged::putIfAbsent);
        Rotary.normalise(new Parameters(config.file(), new Value.Fields(merged)), merged);
        complete(new Parameters(config.file(), new Value.Fields(merged)), merged);
        Parameters p = new Parameters(config.file(), new Value.Fields(merged));
        p.flag("tie_word_embeddings", false);
        p.number("rms_norm_eps");
        p.number("rope_theta");
        List<Layer> layers = layers(p, text.isPresent() ? "text_config." : "");
        long hidden = p.whole("hidden_size", 1, Parameters.MAXIMUM);
        Architecture architecture = new Architecture(name, label, hidden, p.whole("vocab_size", 1, Parameters.MAXIMUM),
                p.whole("max_position_embeddings", 1, Parameters.MOST_TOKENS), layers, p.fields());
        checkSizes(p, architecture);
        return architecture;
    }

    private void checkSizes(Parameters p, Architecture architecture) throws CheckpointFormatException {
        Layer first = architecture.layers().getFirst();
        // Keys and values of two bytes in all layers.
        if (!Shape.fits(architecture.contextLength(), first.keyValueHeads(), first.keyLength(), 4, architecture.layers().size())) {
            throw p.wrong("max_position_embeddings", architecture.contextLength(),
                    "a context whose key/value cache stays below 2^63 bytes");
        }
        try {
            for (Row row : table(architecture)) {
                row.holding().shape();
                row.inGguf().shape();
            }
        } catch (ArithmeticException e) {
            throw p.wrong("hidden_size", architecture.hiddenSize(), "sizes of which every tensor stays below 2^63 elements");
        }
    }

    private List<Layer> layers(Parameters p, String prefix) throws CheckpointFormatException {
        int count = (int) p.whole("num_hidden_layers", 1, MOST_LAYERS);
        int heads = (int) p.whole("num_attention_heads", 1, 1 << 20);
        int keyValueHeads = (int) p.whole("num_key_value_heads", 1, 1 << 20, heads);
        int headSize = (int) p.whole("head_dim", 2, 1 << 20);
        long hidden = p.whole("hidden_size", 1, Parameters.MAXIMUM);
        long feedForward = p.whole("intermediate_size", 1, Parameters.MAXIMUM);
        if (headSize % 2 != 0 || heads % keyValueHeads != 0 || !Shape.fits(heads, headSize, hidden)) {
            throw p.wrong(prefix + "head_dim", heads + " heads of " + headSize + ", " + keyValueHeads + " key/value heads",
                    "an even size, and a number of heads that key/value heads divide");
        }
        int experts = (int) p.whole("num_experts", 0, 1 << 16, 0);
        int used = (int) p.whole("num_experts_per_tok", 0, 1 << 16, 0);
        long expertWidth = p.whole("moe_intermediate_size", 0, Parameters.MAXIMUM, 0);
        if (experts > 0 && (expertWidth == 0 || used == 0 || used > experts || (long) experts * count > MOST_EXPERTS
                || !Shape.fits(experts, expertWidth, hidden))) {
            throw p.wrong(prefix + "num_experts", experts + " experts of width " + expertWidth + ", " + used + " used",
                    "a width, 1 to all used, and at most " + MOST_EXPERTS + " experts in all layers");
        }
        List<Layer.Attention> attentions = attentions(p, count);
        long window = p.whole("sliding_window", 0, Parameters.MOST_TOKENS, 0);
        List<Layer> layers = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            boolean sliding = attentions.get(i) == Layer.Attention.SLIDING;
            boolean sparse = experts > 0 && sparse(p.fields(), i);
            layers.add(new Layer(i, attentions.get(i), sliding ? window : 0, heads, keyValueHeads, headSize, headSize, i, feedForward,
                    sparse ? experts : 0, sparse ? used : 0, sparse ? expertWidth : 0));
        }
        return layers;
    }

    /// config.json and safetensors.
    private record InHuggingFace(Decoder family) implements Dialect {
        @Override
        public String name() {
            return HUGGING_FACE;
        }

        @Override
        public boolean describes(Parameters metadata) {
            return metadata.fields().text("model_type").filter(family.modelTypes::contains).isPresent();
        }

        @Override
        public Architecture architecture(Parameters metadata, String name) throws CheckpointFormatException {
            return family.architecture(metadata, name);
        }

        /// The text model's config.json. Numbers are stated as single precision, which targets replace by the type they write.
        @Override
        public List<MetadataEntry> metadata(Architecture architecture) {
            List<MetadataEntry> entries = new ArrayList<>();
            entries.add(new MetadataEntry("architectures", MetadataEntry.Type.TEXT, Value.ofTexts(List.of(family.className))));
            architecture.parameters().fields().forEach((key, value) -> {
                if (!key.endsWith("vision_config") && !key.equals(Rotary.FACTORS) && !key.startsWith(Key.OURS)) {
                    entries.add(new MetadataEntry(key, MetadataEntry.Type.TEXT, value));
                }
            });
            entries.add(new MetadataEntry("torch_dtype", MetadataEntry.Type.TEXT, Value.of("float32")));
            return entries;
        }

        @Override
        public List<TensorSpec> tensors(Architecture architecture) {
            return Row.huggingFace(family.table(architecture));
        }

        @Override
        public String canonicalName(String stored) {
            return family.canonicalName(stored);
        }

        @Override
        public Optional<Value.Fields> textConfig(Value.Fields config) {
            return TextConfig.of(config, family.className, family.modelTypes.iterator().next());
        }
    }

    /// The keys and tensors of GGUF.
    private record InGguf(Decoder family) implements Dialect {
        @Override
        public String name() {
            return GGUF;
        }

        @Override
        public boolean describes(Parameters metadata) {
            return metadata.fields().text("general.architecture").filter(family.name::equals).isPresent();
        }

        @Override
        public Architecture architecture(Parameters metadata, String name) throws CheckpointFormatException {
            String prefix = family.name + ".";
            Map<String, Value> config = new LinkedHashMap<>();
            for (Key key : family.keys()) {
                key.read(prefix, metadata, config);
            }
            config.put("vocab_size", Value.of(metadata.whole(TOKEN_COUNT, 1, Parameters.MAXIMUM)));
            config.put("tie_word_embeddings", Value.of(!metadata.flag(HAS_OUTPUT, false)));
            Rotary.fromGguf(metadata, config);
            family.told(metadata, config);
            TokenIds.read(metadata, config);
            return family.architecture(new Parameters(metadata.file(), new Value.Fields(config)), name);
        }

        @Override
        public List<MetadataEntry> metadata(Architecture architecture) {
            Value.Fields config = Rotary.forGguf(architecture.parameters());
            String prefix = family.name + ".";
            return family.keys().stream().filter(key -> !key.gguf().isEmpty()).flatMap(key -> key.entry(prefix, config).stream()).toList();
        }

        @Override
        public List<TensorSpec> tensors(Architecture architecture) {
            return Row.gguf(family.table(architecture));
        }
    }
}

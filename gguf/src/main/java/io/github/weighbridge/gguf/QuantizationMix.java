package io.github.weighbridge.gguf;

import io.github.weighbridge.gguf.file.GgmlType;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Which type each matrix gets in a file of a named type, as llama-quantize decides it: by name, by how many of its kind came before, and by
/// whether its rows fit the blocks. (llama.cpp v0.5.0 `src/llama-quant.cpp`.)
///
/// For use by one thread: kinds are counted as tensors are asked for, in llama-quantize's order, which [#assign] keeps.
final class QuantizationMix {
    /// A type, and whether it is not the one the mix wanted.
    record Chosen(GgmlType type, boolean fallback) {}

    private enum Kind {
        OUTPUT, EMBEDDING, ATTENTION_V, ATTENTION_K, ATTENTION_Q, ATTENTION_OUTPUT, FFN_UP, FFN_GATE, FFN_DOWN, OTHER
    }

    private static final Pattern BLOCK = Pattern.compile("blk\\.(\\d{1,9})\\..*");
    /// The low types for which a mixture of eight experts raises the attention output.
    private static final List<GgufFileType> RAISED_FOR_EIGHT_EXPERTS = List.of(GgufFileType.Q2_K, GgufFileType.IQ3_XS, GgufFileType.IQ3_XXS,
            GgufFileType.Q3_K_S, GgufFileType.Q3_K_M, GgufFileType.Q4_K_S, GgufFileType.Q4_K_M, GgufFileType.IQ4_NL, GgufFileType.IQ4_XS,
            GgufFileType.IQ3_S, GgufFileType.IQ3_M);

    private final GgufFileType fileType;
    private final boolean pure;
    private final boolean tied;
    private final int layers;
    private final int experts;
    private final int queriesForKey;
    private final boolean llama70b;
    private final boolean importance;
    private final Optional<GgmlType> headType;
    private final Optional<GgmlType> embeddingType;
    private int attentionValues;
    private int downs;
    private int attentionValueCount;

    /// What the mix must know of a model.
    ///
    /// @param architecture the word llama.cpp has for its architecture
    /// @param layers number of layers
    /// @param experts number of experts, 0 where there are none
    /// @param heads query heads of the first layer
    /// @param keyValueHeads key/value heads of the first layer
    record Model(String architecture, int layers, int experts, int heads, int keyValueHeads) {
        /// From a known architecture.
        static Model of(Architecture architecture) {
            Layer first = architecture.layers().getFirst();
            return new Model(architecture.family(), architecture.layers().size(), first.experts(), first.heads(), first.keyValueHeads());
        }

        /// From the keys of a file whose architecture no family describes: what is not there counts as 0.
        static Model of(Value.Fields keys) {
            String name = keys.text("general.architecture").orElse("");
            int heads = first(keys, name + ".attention.head_count", 0);
            return new Model(name, first(keys, name + ".block_count", 0), first(keys, name + ".expert_count", 0), heads,
                    first(keys, name + ".attention.head_count_kv", heads));
        }

        /// A number, or the first of a list with one for each layer.
        private static int first(Value.Fields keys, String key, int otherwise) {
            Optional<Value> value = keys.get(key);
            if (value.isPresent() && value.get() instanceof Value.Items(List<Value> items) && !items.isEmpty()) {
                value = Optional.of(items.getFirst());
            }
            return value.isPresent() && value.get() instanceof Value.Whole(long number) && number >= 0 && number <= 1 << 24
                    ? (int) number : otherwise;
        }

        int queriesForKey() {
            return keyValueHeads == 0 ? 0 : heads / keyValueHeads;
        }
    }

    /// @param tensors all tensors of the file
    /// @param options whether an importance matrix is used, and types that were asked for by name
    QuantizationMix(GgufFileType fileType, boolean pure, Model model, List<TargetTensor> tensors, GgufOptions options) {
        this.fileType = fileType;
        this.pure = pure;
        this.importance = options.importance().isPresent();
        this.headType = options.head();
        this.embeddingType = options.embedding();
        this.tied = tensors.stream().noneMatch(tensor -> tensor.name().equals("output.weight"));
        this.layers = model.layers();
        this.experts = model.experts();
        this.queriesForKey = model.queriesForKey();
        this.llama70b = model.architecture().equals("llama") && layers == 80 && model.heads() != model.keyValueHeads();
        this.attentionValueCount = (int) tensors.stream().filter(tensor -> kind(tensor.name()) == Kind.ATTENTION_V).count();
    }

    /// The types of the given tensors, by name.
    ///
    /// @throws PolicyException when rows fit neither a type nor what llama-quantize would put in its place
    Map<String, Chosen> assign(List<TargetTensor> tensors) throws PolicyException {
        List<TargetTensor> order = new ArrayList<>(tensors);
        order.sort(Comparator.comparingInt(QuantizationMix::block).thenComparing(TargetTensor::name));
        Map<String, Chosen> types = new HashMap<>();
        for (TargetTensor tensor : order) {
            Optional<GgmlType> named = named(tensor);
            if (named.isPresent()) {
                types.put(tensor.name(), new Chosen(named.get(), false));
                continue;
            }
            GgmlType wanted = pure ? fileType.type() : mixed(tensor);
            if (wanted == GgmlType.Q1_0 && tensor.shape().columns() % wanted.blockElements() != 0) {
                throw new PolicyException("--type " + fileType + ": " + tensor.name() + " has rows of " + tensor.shape().columns()
                        + ", no multiple of " + wanted.blockElements() + ", and llama-quantize has no fallback for " + wanted);
            }
            GgmlType fitting = fitting(wanted, tensor.shape().columns());
            types.put(tensor.name(), new Chosen(fitting, fitting != wanted));
        }
        return types;
    }

    /// A type that was asked for by name is taken as it is: no fallback takes its place. It holds for dense file types and pure ones too. A head
    /// that is tied to the embedding is no head here; [#head] has that case.
    private Optional<GgmlType> named(TargetTensor tensor) {
        return switch (kind(tensor.name())) {
            case EMBEDDING -> embeddingType;
            case OUTPUT -> headType;
            case ATTENTION_V, ATTENTION_K, ATTENTION_Q, ATTENTION_OUTPUT, FFN_UP, FFN_GATE, FFN_DOWN, OTHER -> Optional.empty();
        };
    }

    /// Tensors without a block come first.
    private static int block(TargetTensor tensor) {
        Matcher matcher = BLOCK.matcher(tensor.name());
        return matcher.matches() ? Integer.parseInt(matcher.group(1)) : -1;
    }

    /// Whether llama-quantize refuses to encode a tensor that no importance matrix has weights for.
    static boolean needsImportance(GgufFileType fileType, String name, GgmlType type) {
        return switch (kind(name)) {
            case OUTPUT, EMBEDDING -> false;
            case ATTENTION_V, ATTENTION_K, ATTENTION_Q, ATTENTION_OUTPUT, FFN_UP, FFN_GATE, FFN_DOWN, OTHER -> switch (type) {
                case IQ3_XXS, IQ2_XXS, IQ2_XS, IQ2_S, IQ1_M, IQ1_S -> true;
                case Q2_K -> fileType == GgufFileType.Q2_K_S;
                default -> false;
            };
        };
    }

    private static Kind kind(String name) {
        if (name.equals("output.weight")) {
            return Kind.OUTPUT;
        }
        if (name.equals("token_embd.weight") || name.equals("per_layer_token_embd.weight")) {
            return Kind.EMBEDDING;
        }
        if (name.contains("attn_qkv.weight") || name.contains("attn_kv_b.weight") || name.contains("attn_v.weight")) {
            return Kind.ATTENTION_V;
        }
        if (name.contains("attn_k.weight")) {
            return Kind.ATTENTION_K;
        }
        if (name.contains("attn_q.weight")) {
            return Kind.ATTENTION_Q;
        }
        if (name.contains("attn_output.weight")) {
            return Kind.ATTENTION_OUTPUT;
        }
        return name.contains("ffn_up") ? Kind.FFN_UP : name.contains("ffn_gate") ? Kind.FFN_GATE : name.contains("ffn_down") ? Kind.FFN_DOWN
                : Kind.OTHER;
    }

    private GgmlType mixed(TargetTensor tensor) {
        GgmlType usual = fileType.type();
        return switch (kind(tensor.name())) {
            case OUTPUT -> head(tensor);
            case EMBEDDING -> tied ? head(tensor) : embedding();
            case ATTENTION_V -> attentionValue(usual);
            case ATTENTION_K -> experts == 8 || fileType == GgufFileType.MXFP4_MOE ? GgmlType.Q8_0 : usual;
            case ATTENTION_OUTPUT -> attentionOutput(usual);
            case FFN_DOWN -> down(tensor, usual);
            case ATTENTION_Q, FFN_UP, FFN_GATE, OTHER ->
                    fileType == GgufFileType.MXFP4_MOE && tensor.shape().rank() < 3 ? GgmlType.Q8_0 : usual;
        };
    }

    /// The output head, and the table that serves as one.
    private GgmlType head(TargetTensor tensor) {
        if (headType.isPresent()) {
            return headType.get();
        }
        if (fileType == GgufFileType.MXFP4_MOE || tensor.shape().columns() % fileType.type().blockElements() != 0) {
            return GgmlType.Q8_0;
        }
        return switch (fileType) {
            case IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ2_M, IQ3_XXS -> GgmlType.Q5_K;
            case Q8_0 -> GgmlType.Q8_0;
            default -> GgmlType.Q6_K;
        };
    }

    private GgmlType embedding() {
        return switch (fileType) {
            case TQ1_0, TQ2_0, Q2_0 -> GgmlType.Q4_K;
            case IQ2_XXS, IQ2_XS, IQ1_S, IQ1_M -> GgmlType.Q2_K;
            case IQ2_S, IQ2_M, IQ3_XXS -> GgmlType.IQ3_S;
            case MXFP4_MOE -> GgmlType.Q8_0;
            default -> fileType.type();
        };
    }

    /// Every third in the middle, and all of the first and last eighth.
    private static boolean more(int index, int count) {
        return index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;
    }

    private GgmlType attentionValue(GgmlType usual) {
        int index = attentionValues++;
        GgmlType type = switch (fileType) {
            case Q2_K -> queriesForKey >= 4 ? GgmlType.Q4_K : GgmlType.Q3_K;
            case Q2_K_S -> queriesForKey >= 4 ? GgmlType.Q4_K : usual;
            case Q3_K_M -> index < 2 ? GgmlType.Q5_K : GgmlType.Q4_K;
            case Q3_K_L -> GgmlType.Q5_K;
            case Q4_K_S -> index < 4 ? GgmlType.Q5_K : usual;
            case Q4_K_M, Q5_K_M -> more(index, attentionValueCount) ? GgmlType.Q6_K : usual;
            case IQ4_NL, IQ4_XS -> queriesForKey >= 4 ? GgmlType.Q5_K : usual;
            case MXFP4_MOE -> GgmlType.Q8_0;
            default -> usual;
        };
        if (llama70b && (type == GgmlType.Q3_K || type == GgmlType.Q4_K)) {
            type = GgmlType.Q5_K;
        }
        return experts == 8 ? GgmlType.Q8_0 : type;
    }

    private GgmlType attentionOutput(GgmlType usual) {
        if (fileType == GgufFileType.MXFP4_MOE) {
            return GgmlType.Q8_0;
        }
        if (experts == 8) {
            return RAISED_FOR_EIGHT_EXPERTS.contains(fileType) ? GgmlType.Q5_K : usual;
        }
        return switch (fileType) {
            case Q2_K -> GgmlType.Q3_K;
            case Q3_K_M -> GgmlType.Q4_K;
            case Q3_K_L -> GgmlType.Q5_K;
            default -> usual;
        };
    }

    private GgmlType down(TargetTensor tensor, GgmlType usual) {
        int running = downs++;
        int index = experts > 1 ? block(tensor) : running;
        return switch (fileType) {
            case Q2_K -> GgmlType.Q3_K;
            case Q2_K_S -> index < layers / 8 ? GgmlType.Q4_K : usual;
            case Q3_K_M -> index < layers / 16 ? GgmlType.Q5_K : GgmlType.Q4_K;
            case Q3_K_L -> GgmlType.Q5_K;
            case Q4_K_S -> index < layers / 8 ? GgmlType.Q5_K : usual;
            case Q4_K_M, Q5_K_M -> more(index, layers) ? GgmlType.Q6_K : usual;
            case IQ4_NL, IQ4_XS -> index < layers / 8 && !importance ? GgmlType.Q5_K : usual;
            case Q4_0 -> importance && index < layers / 8 ? GgmlType.Q4_1 : usual;
            case Q5_0 -> importance && index < layers / 8 ? GgmlType.Q5_1 : usual;
            case MXFP4_MOE -> tensor.shape().rank() < 3 ? GgmlType.Q8_0 : usual;
            default -> usual;
        };
    }

    /// What takes the place of a type whose blocks do not fit a row.
    private static GgmlType fitting(GgmlType wanted, long columns) {
        if (columns % wanted.blockElements() == 0) {
            return wanted;
        }
        Optional<GgmlType> smaller = switch (wanted) {
            case Q2_0, Q2_K, Q3_K, TQ1_0, TQ2_0 -> Optional.of(GgmlType.Q4_0);
            case Q4_K -> Optional.of(GgmlType.Q5_0);
            case Q5_K -> Optional.of(GgmlType.Q5_1);
            case Q6_K -> Optional.of(GgmlType.Q8_0);
            case IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_XS -> Optional.of(GgmlType.IQ4_NL);
            default -> Optional.empty();
        };
        return smaller.filter(type -> columns % type.blockElements() == 0).orElse(GgmlType.F16);
    }
}

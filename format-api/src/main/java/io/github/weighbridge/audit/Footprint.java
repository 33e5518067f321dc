package io.github.weighbridge.audit;

import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Plane;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Where the bytes of a checkpoint are, exactly: `tensorBytes + overheadBytes` is the length of its files.
///
/// ```java
/// try (Checkpoint checkpoint = Formats.installed().open(Source.of(source), ReadOptions.defaults())) {
///     Audited audited = Audited.of(checkpoint);
///     Footprint footprint = Footprint.of(audited);
///     System.out.printf(Locale.ROOT, "weighs %,d bytes%n", footprint.tensorBytes() + audited.overhead().bytes());
///     for (Footprint.LayerShare layer : footprint.layers()) {
///         System.out.println(layer.component() + "." + layer.layer() + " " + layer.bytes() + " bytes, bits of its parts " + layer.bits());
///     }
/// }
/// ```
///
/// @param tensors number of stored tensors
/// @param parameters elements of all of them
/// @param tensorBytes bytes of codes and scales
/// @param codeBytes bytes of codes alone, and of numbers that stand for themselves; the rest of the tensors are scales, zero points and shapes
/// @param overheadBytes everything else: headers, metadata, tokenizer, padding
/// @param components the parts of the model, in a fixed order
/// @param layers the layers, decoder first
/// @param memory what a conversation needs
public record Footprint(long tensors, long parameters, long tensorBytes, long codeBytes, long overheadBytes,
        List<ComponentShare> components,
        List<LayerShare> layers,
        Memory memory) {
    /// Tensors of one encoding.
    ///
    /// @param encoding the encoding's word
    /// @param tensors how many
    /// @param parameters their elements
    /// @param bytes their bytes
    public record EncodingShare(String encoding, long tensors, long parameters, long bytes) {}

    /// One part of the model.
    ///
    /// @param codeBytes bytes of codes alone
    public record ComponentShare(Component component, long parameters, long bytes, long codeBytes, List<EncodingShare> encodings) {
        /// Bits of a parameter, scales included; 0 where there are none.
        public double bitsPerWeight() {
            return bits(bytes, parameters);
        }
    }

    /// One layer.
    ///
    /// @param attention its attention, in decoders
    /// @param codeBytes bytes of codes alone
    /// @param deadBytes bytes of keys' and values' weights that no runtime uses, because the layer reads another layer's cache
    /// @param bits bits of a parameter for each part: `attention`, `ffn`, `experts`, `per_layer`, `norms`, `other`
    public record LayerShare(Component component, int layer, Optional<Layer.Attention> attention, long parameters, long bytes,
            long codeBytes, long deadBytes, Map<String, Double> bits) {
        /// Bits of a parameter, scales included; 0 where there are none.
        public double bitsPerWeight() {
            return Footprint.bits(bytes, parameters);
        }
    }

    /// Memory of a conversation.
    ///
    /// @param residentBytes weights that every token needs
    /// @param streamableBytes weights of which a token needs one row: the table of per-layer embeddings
    public record Memory(long residentBytes, long streamableBytes) {}

    private static final List<Component> ORDER = List.of(Component.TEXT_DECODER, Component.TOKEN_EMBEDDING, Component.PER_LAYER_EMBEDDING,
            Component.OUTPUT_HEAD, Component.VISION_ENCODER, Component.AUDIO_ENCODER, Component.PROJECTOR, Component.DRAFTER,
            Component.OTHER);

    /// Copies the lists.
    public Footprint {
        components = List.copyOf(components);
        layers = List.copyOf(layers);
    }

    /// Bits of a parameter over all.
    public double bitsPerWeight() {
        return bits(tensorBytes, parameters);
    }

    /// Bits of a parameter; 0 where there are none.
    public static double bits(long bytes, long parameters) {
        return parameters == 0 ? 0 : bytes * 8.0 / parameters;
    }

    /// The part of a layer that a role belongs to: `attention`, `ffn`, `experts`, `per_layer`, `norms` or `other`.
    public static String part(Role role) {
        String word = role.word();
        if (word.endsWith("norm")) {
            return "norms";
        }
        if (word.startsWith("attention_")) {
            return "attention";
        }
        if (word.startsWith("ffn_")) {
            return "ffn";
        }
        if (word.startsWith("expert_")) {
            return "experts";
        }
        return word.startsWith("per_layer_") ? "per_layer" : "other";
    }

    /// Weighs a checkpoint or a plan.
    public static Footprint of(Audited audited) {
        Map<Component, Map<String, long[]>> components = new LinkedHashMap<>();
        Map<Integer, LayerSum> decoder = new TreeMap<>();
        Map<Component, Map<Integer, LayerSum>> others = new LinkedHashMap<>();
        Architecture architecture = audited.architecture();
        Component main =
                audited.tensors().stream().anyMatch(t -> t.identity().component().equals(Component.TEXT_DECODER)) ? Component.TEXT_DECODER
                        : Component.DRAFTER;
        if (audited.tensors().stream().anyMatch(t -> t.identity().component().equals(main))) {
            architecture.layers().forEach(layer -> decoder.put(layer.index(), new LayerSum()));
        }
        long parameters = 0;
        long bytes = 0;
        long codes = 0;
        for (AuditedTensor tensor : audited.tensors()) {
            long elements = tensor.tensor().shape().elements();
            long size = tensor.tensor().bytes();
            parameters = Math.addExact(parameters, elements);
            bytes = Math.addExact(bytes, size);
            long code = codeBytes(tensor.tensor());
            codes += code;
            Identity identity = tensor.identity();
            long[] share = components.computeIfAbsent(identity.component(), _ -> new TreeMap<>())
                    .computeIfAbsent(tensor.tensor().encoding().name(), _ -> new long[4]);
            share[0]++;
            share[1] += elements;
            share[2] += size;
            share[3] += code;
            if (identity.layer() != Identity.NO_LAYER) {
                Map<Integer, LayerSum> layers = identity.component().equals(main) ? decoder
                        : others.computeIfAbsent(identity.component(), _ -> new TreeMap<>());
                boolean dead = Verification.isDead(identity, architecture.layers());
                layers.computeIfAbsent(identity.layer(), _ -> new LayerSum()).add(identity.role(), elements, size, code, dead);
            }
        }
        List<LayerShare> layers = new ArrayList<>();
        decoder.forEach((index, sum) -> layers.add(sum.share(main, index,
                index < architecture.layers().size() ? Optional.of(architecture.layers().get(index).attention()) : Optional.empty())));
        others.forEach((component, sums) -> sums.forEach((index, sum) -> layers.add(sum.share(component, index, Optional.empty()))));
        long streamable =
                components.getOrDefault(Component.PER_LAYER_EMBEDDING, Map.of()).values().stream().mapToLong(share -> share[2]).sum();
        return new Footprint(audited.tensors().size(), parameters, bytes, codes, audited.bytes() - bytes, shares(components), layers,
                new Memory(bytes - streamable, streamable));
    }

    /// Bytes of codes alone: all of a plane of their own, else what their width says, as scales lie in between. Where the width is not known, all
    /// bytes count as codes.
    static long codeBytes(StoredTensor tensor) {
        Encoding encoding = tensor.encoding();
        if (encoding.planes().size() > 1) {
            long sum = 0;
            for (int plane = 0; plane < encoding.planes().size(); plane++) {
                sum += encoding.planes().get(plane).kind() == Plane.Kind.DATA ? tensor.planes().get(plane).length() : 0;
            }
            return sum;
        }
        long elements = tensor.shape().elements();
        long bytes = elements / 8 * encoding.codeBits() + Math.ceilDiv(elements % 8 * encoding.codeBits(), 8);
        return encoding.codeBits() == 0 ? tensor.bytes() : Math.min(tensor.bytes(), bytes);
    }

    private static List<ComponentShare> shares(Map<Component, Map<String, long[]>> components) {
        List<Component> order = new ArrayList<>(ORDER);
        components.keySet().stream().filter(component -> !order.contains(component)).forEach(order::add);
        List<ComponentShare> shares = new ArrayList<>();
        for (Component component : order) {
            Map<String, long[]> encodings = components.get(component);
            if (encodings != null) {
                List<EncodingShare> list = encodings.entrySet().stream()
                        .map(e -> new EncodingShare(e.getKey(), e.getValue()[0], e.getValue()[1], e.getValue()[2])).toList();
                shares.add(new ComponentShare(component, list.stream().mapToLong(EncodingShare::parameters).sum(),
                        list.stream().mapToLong(EncodingShare::bytes).sum(), encodings.values().stream().mapToLong(sum -> sum[3]).sum(),
                        list));
            }
        }
        return shares;
    }

    private static final class LayerSum {
        private final Map<String, long[]> parts = new LinkedHashMap<>();
        private long parameters;
        private long bytes;
        private long codes;
        private long deadBytes;

        void add(Role role, long elements, long size, long code, boolean dead) {
            parameters += elements;
            bytes += size;
            codes += code;
            deadBytes += dead ? size : 0;
            long[] part = parts.computeIfAbsent(part(role), _ -> new long[2]);
            part[0] += elements;
            part[1] += size;
        }

        LayerShare share(Component component, int layer, Optional<Layer.Attention> attention) {
            Map<String, Double> bits = new LinkedHashMap<>();
            for (String part : List.of("attention", "ffn", "experts", "per_layer", "norms", "other")) {
                long[] sums = parts.get(part);
                if (sums != null) {
                    bits.put(part, Footprint.bits(sums[1], sums[0]));
                }
            }
            return new LayerShare(component, layer, attention, parameters, bytes, codes, deadBytes, bits);
        }
    }
}

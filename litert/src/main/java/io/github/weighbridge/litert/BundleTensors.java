package io.github.weighbridge.litert;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.Family;
import io.github.weighbridge.family.TensorSpec;
import io.github.weighbridge.litert.graph.DecoderSpec;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.Weight;
import io.github.weighbridge.plan.TargetTensor;
import io.github.weighbridge.spi.PolicyException;
import io.github.weighbridge.spi.Stripping;
import io.github.weighbridge.spi.TargetRequest;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// The tensors that a bundle of a text decoder and its encoders holds, by what they do in its graphs. Tensors have the names of Hugging Face.
final class BundleTensors {
    /// What stands for a layer in the name of its table of per-layer embeddings.
    static final String PER_LAYER_TABLE = "embed_tokens_per_layer";
    static final String HEAD = "lm_head.weight";
    static final String WEIGHT = ".weight";
    static final String INPUT_SCALE = ".input_activation_scale";
    static final String OUTPUT_SCALE = ".output_activation_scale";
    static final String KEY_SCALE = ".self_attn.k_cache_scale";
    static final String VALUE_SCALE = ".self_attn.v_cache_scale";

    /// What a weight does.
    record Use(Role role, int layer) {}

    /// Which scale.
    record Scale(Role role, int layer, boolean first) {}

    private final Architecture architecture;
    private final DecoderSpec spec;
    private final Map<Use, TargetTensor> weights = new LinkedHashMap<>();
    private final List<TargetTensor> perLayerTables = new ArrayList<>();
    private final Map<Scale, TargetTensor> activations = new LinkedHashMap<>();
    private final Map<Scale, TargetTensor> caches = new LinkedHashMap<>();
    /// Names of scales of caches that other layers keep.
    private final List<String> repeated = new ArrayList<>();
    private final List<EncoderTensors> encoders;
    private final List<Finding> findings = new ArrayList<>();

    private BundleTensors(Architecture architecture, DecoderSpec spec, List<EncoderTensors> encoders) {
        this.architecture = architecture;
        this.spec = spec;
        this.encoders = encoders;
    }

    /// @param stripping what is left of the source
    static BundleTensors of(Checkpoint source, Stripping stripping, TargetRequest request, LitertOptions options)
            throws IOException, PolicyException {
        Family family = request.families().byName(source.architecture().family()).orElseThrow(() -> new PolicyException(
                "LiteRT-LM needs to know the architecture: " + source.architecture().name() + " is of no known family"));
        Dialect dialect = family.dialect(Dialect.HUGGING_FACE).orElseThrow(
                () -> new PolicyException("LiteRT-LM: nothing is known of how " + family.name() + " is stored"));
        Architecture architecture = stripping.architecture();
        Map<String, Weight> byKey = new LinkedHashMap<>();
        stripping.weights().forEach(weight -> byKey.put(weight.key(), weight));
        List<EncoderTensors> encoders = new ArrayList<>();
        for (Encoder encoder : Encoder.values()) {
            // Without its tower there is nothing to write, whatever the configuration says.
            boolean there = byKey.values().stream().anyMatch(weight -> weight.identity().component().equals(encoder.tower()));
            Optional<Map<BundlePart.Model, Encoder.Drawing>> models = there ? encoder.models(architecture, options) : Optional.empty();
            if (models.isPresent()) {
                encoders.add(new EncoderTensors(encoder, models.get()));
            } else if (family.parts().contains(encoder.part())) {
                architecture = family.without(architecture, encoder.part());
            }
        }
        if (!options.imageTokens().isEmpty() && encoders.stream().noneMatch(one -> one.encoder() == Encoder.VISION)) {
            throw new PolicyException("--" + LitertOptions.IMAGE_TOKENS + ": no encoder of images is written");
        }
        BundleTensors tensors = new BundleTensors(architecture, DecoderSpec.of(architecture), encoders);
        tensors.collect(source, byKey, options, family, dialect);
        return tensors;
    }

    private void collect(Checkpoint source, Map<String, Weight> byKey, LitertOptions options, Family family, Dialect dialect)
            throws IOException, PolicyException {
        Set<String> unused = new HashSet<>(byKey.keySet());
        Scales scales = new Scales(source);
        Map<String, TensorSpec> specs = new HashMap<>();
        for (TensorSpec each : dialect.tensors(architecture)) {
            specs.put(each.name(), each);
            List<String> keys = each.holding().keys();
            if (keys.isEmpty() || each.presence() == TensorSpec.Presence.DEAD) {
                continue;
            }
            if (!byKey.keySet().containsAll(keys)) {
                if (each.presence() == TensorSpec.Presence.REQUIRED) {
                    throw new PolicyException("LiteRT-LM needs " + each.name() + ", for which the source has no weights");
                }
                continue;
            }
            keys.forEach(unused::remove);
            View view = each.holding().assemble(key -> Objects.requireNonNull(byKey.get(key)).view());
            Optional<EncoderTensors> encoder = encoders.stream()
                    .filter(one -> family.belongsTo(one.encoder().part(), keys.getFirst(), each.identity())).findFirst();
            if (encoder.isPresent()) {
                TargetTensor tensor = new TargetTensor(each.name(), each.identity(), view, keys);
                encoder.get().add(tensor);
                if (options.staticActivations()) {
                    encoder.get().activations(Objects.requireNonNull(byKey.get(keys.getFirst())), tensor, scales);
                }
                continue;
            }
            if (each.identity().role().equals(Role.PER_LAYER_EMBEDDING)) {
                split(new TargetTensor(each.name(), each.identity(), view, keys));
            } else {
                add(new TargetTensor(each.name(), each.identity(), view, keys));
            }
            if (keys.size() == 1 && options.staticActivations()) {
                activations(Objects.requireNonNull(byKey.get(keys.getFirst())), each, scales);
            }
        }
        // A head that is tied to the embedding is stored again: sections share no bytes.
        Use head = new Use(Role.OUTPUT_HEAD, Identity.NO_LAYER);
        TargetTensor embedding = weight(Role.TOKEN_EMBEDDING, Identity.NO_LAYER);
        if (!weights.containsKey(head)) {
            weights.put(head, new TargetTensor(HEAD, new Identity(Role.OUTPUT_HEAD, Component.OUTPUT_HEAD, Identity.NO_LAYER),
                    embedding.view(), embedding.weights()));
        }
        encoders.forEach(encoder -> encoder.end(embedding, architecture));
        caches(source, options, scales);
        leftOut(byKey, unused, scales);
    }

    private void add(TargetTensor tensor) throws PolicyException {
        Use use = new Use(tensor.identity().role(), tensor.identity().layer());
        if (weights.put(use, tensor) != null) {
            throw new PolicyException("LiteRT-LM: no graph is known that uses " + tensor.name());
        }
    }

    /// A table for each layer: its columns of the common one.
    private void split(TargetTensor whole) {
        int width = spec.perLayer();
        for (int layer = 0; layer < spec.layers().size(); layer++) {
            perLayerTables.add(new TargetTensor(whole.name().replace(PER_LAYER_TABLE, PER_LAYER_TABLE + "." + layer), whole.identity(),
                    View.slice(whole.view(), 1, (long) layer * width, (long) (layer + 1) * width), whole.weights()));
        }
    }

    private void activations(Weight weight, TensorSpec spec, Scales scales) throws IOException, PolicyException {
        for (boolean input : new boolean[] {true, false}) {
            scales.activation(weight, spec.name(), spec.identity(), input).ifPresent(
                    tensor -> activations.put(new Scale(spec.identity().role(), spec.identity().layer(), input), tensor));
        }
    }

    static String module(String name) {
        return name.endsWith(WEIGHT) ? name.substring(0, name.length() - WEIGHT.length()) : name;
    }

    /// The name of the scale of what enters or leaves the product with a weight.
    static String activationScale(String weight, boolean input) {
        return module(weight) + (input ? INPUT_SCALE : OUTPUT_SCALE);
    }

    private void caches(Checkpoint source, LitertOptions options, Scales scales) throws IOException, PolicyException {
        for (StoredTensor tensor : source.graph().stored()) {
            Identity identity = source.graph().identity(tensor);
            if (!identity.role().equals(Role.KV_SCALE) || identity.layer() == Identity.NO_LAYER
                    || identity.layer() >= spec.layers().size()) {
                continue;
            }
            boolean keys = tensor.name().endsWith(KEY_SCALE);
            Layer layer = spec.layers().get(identity.layer());
            // Layers that read another layer's cache repeat its scale.
            if (!layer.ownsCache()) {
                repeated.add(tensor.name());
            } else if (scales.calibrated(tensor)) {
                String query = module(weight(Role.ATTENTION_Q, layer.index()).name());
                String prefix = query.substring(0, query.indexOf(".self_attn."));
                caches.put(new Scale(Role.KV_SCALE, layer.index(), keys), new TargetTensor(prefix + (keys ? KEY_SCALE : VALUE_SCALE),
                        identity, View.reshape(View.of(tensor), Shape.SCALAR), List.of()));
            }
        }
        List<String> without = new ArrayList<>();
        for (Layer layer : spec.cacheOwners()) {
            Scale first = new Scale(Role.KV_SCALE, layer.index(), true);
            Scale second = new Scale(Role.KV_SCALE, layer.index(), false);
            boolean scaled = caches.containsKey(first) && caches.containsKey(second);
            if (!options.codesIn(layer, scaled)) {
                caches.remove(first);
                caches.remove(second);
            }
            if (!scaled && options.wantsCodesIn(layer)) {
                without.add(weight(Role.ATTENTION_K, layer.index()).name());
            }
        }
        if (!without.isEmpty()) {
            findings.add(Finding.warning("cache-scales-missing", "int8 is asked for, and the caches of " + without.size()
                    + " layers hold single precision numbers: the source has no trained scales for them, and scales cannot be made without"
                    + " running the model", without));
        }
        if (options.widened()) {
            findings.add(Finding.info("cache-widened", "half precision caches are written as single precision", List.of()));
        }
    }

    /// Everything for which a bundle of a text decoder has no place.
    private void leftOut(Map<String, Weight> byKey, Set<String> unused, Scales scales) {
        List<String> unwritten = new ArrayList<>();
        List<String> dead = new ArrayList<>(repeated);
        List<String> others = new ArrayList<>();
        for (Weight weight : byKey.values()) {
            if (!unused.contains(weight.key())) {
                continue;
            }
            Component component = weight.identity().component();
            List<String> names = weight.tensors().stream().map(StoredTensor::name).toList();
            if (Set.of(Component.VISION_ENCODER, Component.AUDIO_ENCODER, Component.PROJECTOR).contains(component)) {
                unwritten.addAll(names);
            } else if (weight.identity().layer() != Identity.NO_LAYER) {
                dead.addAll(names);
            } else {
                others.addAll(names);
            }
        }
        if (!unwritten.isEmpty()) {
            findings.add(Finding.warning("encoders-left-out",
                    unwritten.size() + " tensors of encoders are left out: no graphs are known for encoders of their kind", unwritten));
        }
        if (!dead.isEmpty()) {
            findings.add(Finding.info("dead-weights-left-out", dead.size()
                    + " tensors of layers that read another layer's key/value cache are left out: no graph uses them", dead));
        }
        if (!others.isEmpty()) {
            findings.add(Finding.warning("tensors-left-out", others.size() + " tensors are left out: the graphs do not use them", others));
        }
        if (!scales.uncalibrated().isEmpty()) {
            findings.add(Finding.info("uncalibrated-scales-left-out", scales.uncalibrated().size()
                    + " activation scales are 0, which means that activations are not rounded there", scales.uncalibrated()));
        }
    }

    /// The architecture of what is written: that of the source without stripped parts and encoders that are left out.
    Architecture architecture() {
        return architecture;
    }

    DecoderSpec spec() {
        return spec;
    }

    /// A weight by what it does.
    TargetTensor weight(Role role, int layer) {
        TargetTensor tensor = weights.get(new Use(role, layer));
        if (tensor == null) {
            throw new IllegalArgumentException("no " + role + (layer < 0 ? "" : " in layer " + layer));
        }
        return tensor;
    }

    /// The tables of per-layer embeddings, one for each layer; none where the model has none.
    List<TargetTensor> perLayerTables() {
        return perLayerTables;
    }

    /// All weights but the tables, by what they do.
    Map<Use, TargetTensor> weights() {
        return weights;
    }

    /// Scales of static activations: what enters (first) and what leaves.
    Map<Scale, TargetTensor> activations() {
        return activations;
    }

    /// Scales of caches: keys (first) and values.
    Map<Scale, TargetTensor> caches() {
        return caches;
    }

    List<Finding> findings() {
        return findings;
    }

    /// What the caches of the graphs hold.
    Optional<CacheChoice> cacheChoice() {
        return ActivationScales.choice(spec.cacheOwners(), layer -> caches.containsKey(new Scale(Role.KV_SCALE, layer.index(), true)));
    }

    /// The encoders that are written.
    List<EncoderTensors> encoders() {
        return encoders;
    }

    /// All tensors: those of the embedders, the encoders', the decoder's, the scales of activations and caches.
    List<TargetTensor> all() {
        List<TargetTensor> all = new ArrayList<>();
        all.add(weight(Role.TOKEN_EMBEDDING, Identity.NO_LAYER));
        all.addAll(perLayerTables);
        encoders.forEach(encoder -> all.addAll(encoder.all()));
        weights.values().stream().filter(tensor -> !tensor.identity().role().equals(Role.TOKEN_EMBEDDING)).forEach(all::add);
        all.addAll(activations.values());
        all.addAll(caches.values());
        return all;
    }
}

package io.github.weighbridge.audit;

import io.github.weighbridge.audit.Accounting.Reservation;
import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.audit.KeyValueCache.Type;
import io.github.weighbridge.audit.KeyValueCache.Types;
import io.github.weighbridge.encoding.Plane;
import io.github.weighbridge.encoding.Region;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.CacheChoice;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import io.github.weighbridge.view.StoredTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// The memory of a conversation with a model, apart from a runtime's own buffers, which are not known: weights that every token needs, tables of
/// which it needs a row, keys and values, and the largest things computed on the way. All in bytes.
///
/// ```java
/// try (Checkpoint checkpoint = Formats.installed().open(Source.of(source), ReadOptions.defaults())) {
///     ConversationMemory memory = ConversationMemory.of(Audited.of(checkpoint));
///     for (ConversationMemory.Cache cache : memory.caches(List.of(4096L, 32_768L), List.of(KeyValueCache.Type.F16))) {
///         System.out.printf(Locale.ROOT, "%s: %,d tokens in %,d bytes%n", cache.accounting().word(), cache.context(), cache.bytes().least());
///     }
///     memory.fit(64 << 20, KeyValueCache.Type.INT8, Accounting.ARCHITECTURE, true).ifPresent(fit -> System.out.println(fit.context()));
/// }
/// ```
///
/// @param architecture what the model is
/// @param residentBytes all weights but those that can be streamed
/// @param streamableBytes tables of which a token needs a row: per-layer embeddings
/// @param streamedPerToken bytes of those rows: one token of a prompt or an answer reads so many
/// @param deadBytes keys' and values' weights of layers that read another layer's cache, part of the resident ones: no runtime uses them
/// @param encoderBytes encoders of images and sound and their projectors, part of the resident ones: a conversation in text does without
/// @param drafterBytes a drafter, part of the resident ones
/// @param logitsBytes logits of one token in single precision; empty where the vocabulary is not known
/// @param widestActivationBytes the widest vector of a token inside a layer, in single precision; empty where the layers are not known
/// @param perLayerInputBytes the per-layer inputs of a token, in single precision; 0 where the model has none
/// @param choice how the checkpoint itself wants keys and values to be kept, where it says so
public record ConversationMemory(Architecture architecture, long residentBytes, long streamableBytes, long streamedPerToken, long deadBytes,
        long encoderBytes, long drafterBytes, OptionalLong logitsBytes, OptionalLong widestActivationBytes, long perLayerInputBytes,
        Optional<CacheChoice> choice) {
    /// Keys and values for one context.
    ///
    /// @param context tokens
    /// @param types how numbers are kept
    /// @param accounting who counts
    /// @param bytes how many
    public record Cache(long context, Types types, Accounting accounting, Reservation bytes) {}

    /// The longest context that fits into a limit.
    ///
    /// @param limit bytes
    /// @param types how numbers of the cache are kept
    /// @param accounting who counts the cache
    /// @param streamed whether the tables that can be are streamed, and so not counted
    /// @param context tokens; empty when not even one fits
    public record Fit(long limit, Types types, Accounting accounting, boolean streamed, OptionalLong context) {}

    private static final Set<Component> ENCODERS = Set.of(Component.VISION_ENCODER, Component.AUDIO_ENCODER, Component.PROJECTOR);
    private static final int SINGLE = 4;
    private static final long LONGEST = 1L << 31;

    /// The memory of a conversation with a checkpoint, or with what a plan would write.
    public static ConversationMemory of(Audited audited) {
        Architecture architecture = audited.architecture();
        long bytes = 0;
        long streamable = 0;
        long streamed = 0;
        long dead = 0;
        long encoders = 0;
        long drafter = 0;
        for (AuditedTensor each : audited.tensors()) {
            StoredTensor tensor = each.tensor();
            Component component = each.identity().component();
            bytes += tensor.bytes();
            if (component.equals(Component.PER_LAYER_EMBEDDING)) {
                streamable += tensor.bytes();
                streamed += rowBytes(tensor);
            } else if (ENCODERS.contains(component)) {
                encoders += tensor.bytes();
            } else if (component.equals(Component.DRAFTER)) {
                drafter += tensor.bytes();
            } else if (Verification.isDead(each.identity(), architecture.layers())) {
                dead += tensor.bytes();
            }
        }
        long vocabulary = architecture.vocabularySize();
        long perLayer = audited.tensors().stream().filter(each -> each.identity().role().equals(Role.PER_LAYER_EMBEDDING))
                .mapToLong(each -> each.tensor().shape().columns()).sum();
        return new ConversationMemory(architecture, bytes - streamable, streamable, streamed, dead, encoders, drafter,
                vocabulary > 0 ? OptionalLong.of(SINGLE * vocabulary) : OptionalLong.empty(), widest(architecture), SINGLE * perLayer,
                audited.cache());
    }

    /// The types that the checkpoint itself wants, where it says so in words that are known.
    public Optional<Types> own() {
        return choice.flatMap(Types::of);
    }

    private static long rowBytes(StoredTensor tensor) {
        Shape shape = tensor.shape();
        if (shape.elements() == 0) {
            return 0;
        }
        long bytes = 0;
        for (int plane = 0; plane < tensor.planes().size(); plane++) {
            Plane.Kind kind = tensor.encoding().planes().get(plane).kind();
            if (kind != Plane.Kind.SHAPE) {
                bytes += tensor.encoding().planeRange(plane, shape, Region.rows(shape, 0, 1)).length();
            }
        }
        return bytes;
    }

    private static OptionalLong widest(Architecture architecture) {
        return architecture.layers().stream().mapToLong(layer -> SINGLE * Math.max(architecture.hiddenSize(), Math.max(
                (long) layer.heads() * layer.keyLength(), Math.max(layer.feedForward(), layer.expertsUsed() * layer.expertFeedForward()))))
                .max();
    }

    /// Keys and values for some contexts: for each type and context the architecture's least, then what runtimes set aside.
    public List<Cache> caches(List<Long> contexts, List<Type> types) {
        return reservations(contexts, types.stream().map(Types::of).toList());
    }

    /// Keys and values for the contexts and types that are to be listed.
    public List<Cache> caches(AuditOptions options) {
        return reservations(options.contextsFor(architecture), options.cachesFor(this));
    }

    private List<Cache> reservations(List<Long> contexts, List<Types> all) {
        List<Cache> caches = new ArrayList<>();
        for (Accounting accounting : Accounting.values()) {
            for (Types types : all) {
                for (long context : contexts) {
                    reserved(context, types, accounting).ifPresent(bytes -> caches.add(new Cache(context, types, accounting, bytes)));
                }
            }
        }
        return caches;
    }

    /// Bytes of keys and values; empty where the architecture is not known, or the runtime does not have the type.
    public Optional<Reservation> reserved(long context, Type type, Accounting accounting) {
        return reserved(context, Types.of(type), accounting);
    }

    /// Bytes of keys and values; empty where the architecture is not known, or the runtime does not have the types.
    public Optional<Reservation> reserved(long context, Types types, Accounting accounting) {
        return architecture.known() ? accounting.reserve(architecture, context, types) : Optional.empty();
    }

    /// The layers that keep keys and values, with the numbers that each keeps for a position.
    public List<Layer> layersWithCache() {
        return architecture.layers().stream().filter(Layer::ownsCache).toList();
    }

    /// What a conversation needs at least: weights, keys and values (the most where they are a range), logits and the widest activation of one
    /// token. Empty where keys and values are not known.
    ///
    /// @param streamed whether tables that can be streamed are, and not counted
    public OptionalLong needed(long context, Type type, Accounting accounting, boolean streamed) {
        return needed(context, Types.of(type), accounting, streamed);
    }

    /// The same where layers may keep different types.
    public OptionalLong needed(long context, Types types, Accounting accounting, boolean streamed) {
        Optional<Reservation> cache = reserved(context, types, accounting);
        if (cache.isEmpty()) {
            return OptionalLong.empty();
        }
        long weights = residentBytes - deadBytes + (streamed ? 0 : streamableBytes);
        return OptionalLong.of(Math.addExact(weights + logitsBytes.orElse(0) + widestActivationBytes.orElse(0) + perLayerInputBytes,
                cache.get().most()));
    }

    /// The longest context of which everything [#needed] fits into a limit, up to the model's own longest.
    ///
    /// @return empty where keys and values are not known
    public Optional<Fit> fit(long limit, Type type, Accounting accounting, boolean streamed) {
        return fit(limit, Types.of(type), accounting, streamed);
    }

    /// The same where layers may keep different types.
    public Optional<Fit> fit(long limit, Types types, Accounting accounting, boolean streamed) {
        long longest = architecture.contextLength() > 0 ? architecture.contextLength() : LONGEST;
        if (needed(longest, types, accounting, streamed).isEmpty()) {
            return Optional.empty();
        }
        long low = 0;
        long high = longest;
        while (low < high) {
            long middle = low + (high - low + 1) / 2;
            if (needed(middle, types, accounting, streamed).orElse(Long.MAX_VALUE) <= limit) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return Optional.of(new Fit(limit, types, accounting, streamed, low == 0 ? OptionalLong.empty() : OptionalLong.of(low)));
    }
}

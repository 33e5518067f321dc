package io.github.weighbridge.audit;

import io.github.weighbridge.model.Role;
import io.github.weighbridge.model.TensorGraph;
import io.github.weighbridge.model.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Which weights of two checkpoints are the same ones. Keys of a family's weights are equal in every format; without a family, names of tensors
/// are compared, without the endings that packings add.
///
/// @param pairs weights that both have, in the order of the first
/// @param onlyFirst weights of the first alone
/// @param onlySecond weights of the second alone
public record Correspondence(List<Pair> pairs, List<Weight> onlyFirst, List<Weight> onlySecond) {
    /// A weight in both.
    ///
    /// @param key key of the weight in the first
    /// @param tied whether one side has no output head of its own, and its token embedding stands for it
    public record Pair(String key, Weight first, Weight second, boolean tied) {}

    private static final List<String> ENDINGS = List.of(".weight_packed", ".embedding_quantized", ".weight");

    /// Copies the lists.
    public Correspondence {
        pairs = List.copyOf(pairs);
        onlyFirst = List.copyOf(onlyFirst);
        onlySecond = List.copyOf(onlySecond);
    }

    /// Pairs the weights of two graphs.
    ///
    /// @param heads whether a missing output head is taken to be the token embedding
    public static Correspondence of(TensorGraph first, TensorGraph second, boolean heads) {
        List<Pair> pairs = new ArrayList<>();
        Map<String, Weight> rest = new LinkedHashMap<>();
        second.weights().forEach(weight -> rest.put(weight.key(), weight));
        List<Weight> without = new ArrayList<>();
        for (Weight weight : first.weights()) {
            Weight other = rest.remove(weight.key());
            if (other == null) {
                without.add(weight);
            } else {
                pairs.add(new Pair(weight.key(), weight, other, false));
            }
        }
        Map<String, Weight> byModule = new HashMap<>();
        Set<String> twice = new HashSet<>();
        for (Weight weight : rest.values()) {
            if (byModule.put(module(weight), weight) != null) {
                twice.add(module(weight));
            }
        }
        twice.forEach(byModule::remove);
        List<Weight> onlyFirst = new ArrayList<>();
        for (Weight weight : without) {
            Weight other = byModule.remove(module(weight));
            if (other != null && other.identity().role().equals(weight.identity().role())) {
                rest.remove(other.key());
                pairs.add(new Pair(weight.key(), weight, other, false));
            } else if (!(heads && tie(weight, second, false, pairs))) {
                onlyFirst.add(weight);
            }
        }
        List<Weight> onlySecond = new ArrayList<>();
        for (Weight weight : rest.values()) {
            if (!(heads && tie(weight, first, true, pairs))) {
                onlySecond.add(weight);
            }
        }
        return new Correspondence(pairs, onlyFirst, onlySecond);
    }

    private static String module(Weight weight) {
        for (String ending : ENDINGS) {
            if (weight.key().endsWith(ending)) {
                return weight.key().substring(0, weight.key().length() - ending.length());
            }
        }
        return weight.key();
    }

    /// A model without an output head multiplies with its token embedding.
    private static boolean tie(Weight head, TensorGraph without, boolean headIsSecond, List<Pair> pairs) {
        if (!head.identity().role().equals(Role.OUTPUT_HEAD)) {
            return false;
        }
        List<Weight> tables = without.weights().stream().filter(weight -> weight.identity().role().equals(Role.TOKEN_EMBEDDING)).toList();
        if (tables.size() != 1) {
            return false;
        }
        pairs.add(headIsSecond ? new Pair(head.key(), tables.getFirst(), head, true) : new Pair(head.key(), head, tables.getFirst(), true));
        return true;
    }
}

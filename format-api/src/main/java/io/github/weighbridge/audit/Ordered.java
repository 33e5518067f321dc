package io.github.weighbridge.audit;

import io.github.weighbridge.io.Value;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Fields of an object of a report, in the order in which they are put.
final class Ordered {
    private final Map<String, Value> fields = new LinkedHashMap<>();

    Ordered put(String name, Value value) {
        fields.put(name, value);
        return this;
    }

    /// A number; `null` where it is infinite or none.
    Ordered put(String name, double number) {
        return put(name, Double.isFinite(number) ? Value.of(number) : new Value.Nothing());
    }

    Value.Fields fields() {
        return new Value.Fields(fields);
    }

    static <T> Value list(List<T> items, Function<? super T, Value> json) {
        return new Value.Items(items.stream().map(json).toList());
    }
}

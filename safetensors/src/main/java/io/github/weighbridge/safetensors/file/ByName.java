package io.github.weighbridge.safetensors.file;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// Looks up by name in a list that is sorted by name. A sorted list takes less memory than a map, and no file can make it slow.
final class ByName {
    private ByName() {}

    static <T> Optional<T> find(List<T> sorted, Function<? super T, String> nameOf, String name) {
        int low = 0;
        int high = sorted.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            T candidate = sorted.get(middle);
            int order = nameOf.apply(candidate).compareTo(name);
            if (order == 0) {
                return Optional.of(candidate);
            }
            if (order < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return Optional.empty();
    }
}

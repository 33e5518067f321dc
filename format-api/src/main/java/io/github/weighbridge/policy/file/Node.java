package io.github.weighbridge.policy.file;

import java.util.List;

/// A value of a policy file and where it stands.
sealed interface Node {
    Place place();

    /// A line and a column, from 1.
    record Place(int line, int column) {
        @Override
        public String toString() {
            return line + ":" + column;
        }
    }

    /// A text, number, flag or nothing, as it is written; empty where nothing is.
    record Scalar(Place place, String text) implements Node {}

    /// A list.
    record Items(Place place, List<Node> items) implements Node {}

    /// Fields in order; names differ.
    record Fields(Place place, List<Field> fields) implements Node {}

    /// A named value.
    record Field(Place place, String name, Node value) {}

    /// What it is, for messages.
    default String what() {
        return switch (this) {
            case Scalar(Place _, String text) -> "\"" + io.github.weighbridge.io.Text.printable(text) + "\"";
            case Items _ -> "a list";
            case Fields _ -> "a mapping";
        };
    }
}

package io.github.weighbridge.io;

import java.io.IOException;

/// Receives a JSON document piece by piece. Positions are byte offsets in the source. Everything does nothing by default.
public interface JsonVisitor {
    /// An object begins.
    default void beginObject(long position) throws IOException {}

    /// A name inside an object; its value follows.
    default void name(String name, long position) throws IOException {}

    /// The innermost object ends.
    default void endObject(long position) throws IOException {}

    /// A list begins.
    default void beginArray(long position) throws IOException {}

    /// The innermost list ends.
    default void endArray(long position) throws IOException {}

    /// A string.
    default void text(String text, long position) throws IOException {}

    /// A number written without fraction or exponent that fits 64 signed bits.
    default void whole(long number, long position) throws IOException {}

    /// Any other number.
    default void real(double number, long position) throws IOException {}

    /// True or false.
    default void flag(boolean set, long position) throws IOException {}

    /// Null.
    default void nothing(long position) throws IOException {}
}

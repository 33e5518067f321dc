package io.github.weighbridge.litert.file;

import java.util.Optional;

/// Number type of an item's value, with its tag in the union `VData`.
public enum ItemType {
    /// Unsigned 8-bit integer.
    UINT8(1, 1),
    /// Signed 8-bit integer.
    INT8(2, 1),
    /// Unsigned 16-bit integer.
    UINT16(3, 2),
    /// Signed 16-bit integer.
    INT16(4, 2),
    /// Unsigned 32-bit integer.
    UINT32(5, 4),
    /// Signed 32-bit integer.
    INT32(6, 4),
    /// Single precision number.
    FLOAT32(7, 4),
    /// True or false.
    BOOL(8, 1),
    /// Text.
    STRING(9, 4),
    /// Unsigned 64-bit integer; negative as a Java long from 2^63 on.
    UINT64(10, 8),
    /// Signed 64-bit integer.
    INT64(11, 8),
    /// Double precision number.
    DOUBLE(12, 8);

    private static final ItemType[] ALL = values();

    private final int tag;
    private final int bytes;

    ItemType(int tag, int bytes) {
        this.tag = tag;
        this.bytes = bytes;
    }

    /// The tag in a file.
    public int tag() {
        return tag;
    }

    /// Bytes of the field that holds the value, or the offset of the text.
    int bytes() {
        return bytes;
    }

    /// The type of a tag; empty when the tag is newer than this list.
    static Optional<ItemType> of(int tag) {
        return tag >= 1 && tag <= ALL.length ? Optional.of(ALL[tag - 1]) : Optional.empty();
    }
}

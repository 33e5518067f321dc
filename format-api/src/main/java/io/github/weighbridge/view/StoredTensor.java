package io.github.weighbridge.view;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.encoding.Shape;
import java.util.List;

/// A tensor as a file holds it: name, shape, encoding and where each plane of the encoding lies. What the audit counts.
///
/// A quantised tensor whose codes and scales are separate entries of the file is one stored tensor with several planes.
///
/// @param name the name in the file; of the entry with the codes, where there are several
/// @param shape dimensions, rows first, of the numbers (not of packed words)
/// @param encoding how the numbers lie in the bytes
/// @param planes a span for each plane of the encoding, of exactly the length the encoding demands
public record StoredTensor(String name, Shape shape, Encoding encoding, List<Span> planes) {
    /// Checks the number and lengths of the planes.
    public StoredTensor {
        planes = List.copyOf(planes);
        if (planes.size() != encoding.planes().size()) {
            throw new IllegalArgumentException(name + ": " + planes.size() + " spans for the planes " + encoding.planes());
        }
        for (int plane = 0; plane < planes.size(); plane++) {
            long expected = encoding.planeBytes(plane, shape);
            if (planes.get(plane).length() != expected) {
                throw new IllegalArgumentException(
                        name + ": plane " + encoding.planes().get(plane).name() + " has " + planes.get(plane).length()
                                + " bytes, " + encoding.name() + " of shape " + shape + " needs " + expected);
            }
        }
    }

    /// Length of all planes, in bytes.
    public long bytes() {
        return planes.stream().mapToLong(Span::length).sum();
    }
}

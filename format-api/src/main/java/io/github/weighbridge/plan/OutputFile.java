package io.github.weighbridge.plan;

import io.github.weighbridge.model.FileSection;
import java.util.List;

/// A file that a conversion writes.
///
/// @param name plain name within the target folder, or the name of the target itself
/// @param holdsTensors whether it is counted as a file of the checkpoint, as opposed to a document beside it
/// @param length number of bytes
/// @param pieces what it consists of, covering it in order
/// @param sections what its ranges without tensors hold, as a reader of the file would tell
public record OutputFile(String name, boolean holdsTensors, long length, List<Piece> pieces, List<FileSection> sections) {
    /// A file of which nothing is told but where its tensors are.
    public OutputFile(String name, boolean holdsTensors, long length, List<Piece> pieces) {
        this(name, holdsTensors, length, pieces, List.of());
    }

    /// Checks that the pieces cover the file.
    public OutputFile {
        pieces = List.copyOf(pieces);
        sections = List.copyOf(sections);
        long at = 0;
        for (Piece piece : pieces) {
            if (piece.offset() != at || piece.length() < 0) {
                throw new IllegalArgumentException(name + ": a piece begins at " + piece.offset() + ", expected " + at);
            }
            at = piece.end();
        }
        if (at != length) {
            throw new IllegalArgumentException(name + ": the pieces end at " + at + ", the file at " + length);
        }
        List<Piece.Late> late = pieces.stream().filter(Piece.Late.class::isInstance).map(Piece.Late.class::cast).toList();
        for (Piece.Late sum : late) {
            if (sum.summedEnd() > length
                    || late.stream().anyMatch(other -> other.offset() < sum.summedEnd() && other.end() > sum.summedBegin())) {
                throw new IllegalArgumentException(name + ": " + sum + " passes the file or sums a sum");
            }
        }
    }
}

package io.github.weighbridge.plan;

import io.github.weighbridge.model.FileSection;
import io.github.weighbridge.scan.ViewReader;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Lays files out one after the other: the way in which formats build plans. For use by one thread.
///
/// Files with tensors come first. Between [#beginFile] and [#endFile] pieces are appended at the current position.
public final class LayoutBuilder {
    private final List<OutputFile> files = new ArrayList<>();
    private final List<Job> jobs = new ArrayList<>();
    /// Jobs some of whose planes have no place yet, by index; the job itself is added when the last one has.
    private final Map<Integer, Pending> pending = new HashMap<>();
    private List<Piece> pieces = new ArrayList<>();
    private List<FileSection> sections = List.of();
    private String name = "";
    private boolean holdsTensors;
    private long position;

    private record Pending(TargetTensor tensor, Choice choice, Optional<Importance> importance,
            @org.jspecify.annotations.Nullable Span[] spans) {}

    /// Begins a file.
    public void beginFile(String name, boolean holdsTensors) {
        this.name = name;
        this.holdsTensors = holdsTensors;
        this.pieces = new ArrayList<>();
        this.sections = List.of();
        this.position = 0;
    }

    /// Current position in the file.
    public long position() {
        return position;
    }

    /// Appends zero bytes.
    public void zeros(long length) {
        add(new Piece.Padding(position, length));
    }

    /// Appends rendered bytes.
    public void rendered(Blob blob) {
        add(new Piece.Rendered(position, blob));
    }

    /// Appends a copy of one of the source's documents.
    public void document(String document, long length) {
        add(new Piece.Document(position, length, document));
    }

    /// Appends a copy of a range of one of the source's files.
    public void copied(int sourceFile, long offset, long length) {
        add(new Piece.Copy(position, length, sourceFile, offset));
    }

    /// Appends a sum over a range of this file, which is written last.
    public void late(Checksum sum, long begin, long end) {
        add(new Piece.Late(position, sum, begin, end));
    }

    /// Appends zero bytes up to a multiple of `alignment`.
    public void align(long alignment) {
        long rest = position % alignment;
        if (rest != 0) {
            add(new Piece.Padding(position, alignment - rest));
        }
    }

    /// Appends a tensor, all planes one behind the other, and the job that makes it.
    ///
    /// The cheapest way that loses nothing is chosen: bytes are copied where the view only rearranges rows of the same encoding, codes are
    /// moved where the encoding carries the source's grid, numbers are encoded otherwise.
    public void tensor(TargetTensor tensor, Choice choice) {
        tensor(tensor, choice, Optional.empty());
    }

    /// Appends a tensor as [#tensor(TargetTensor, Choice)] does, minding what its columns matter where numbers are encoded.
    ///
    /// @throws IllegalArgumentException when the importance is of other columns, or of more than one matrix and not of all
    public void tensor(TargetTensor tensor, Choice choice, Optional<Importance> importance) {
        int job = reserve(tensor, choice, importance);
        for (int plane = 0; plane < choice.encoding().planes().size(); plane++) {
            plane(job, plane);
        }
    }

    /// Adds a tensor whose planes are then appended one by one with [#plane], at any places of any files.
    ///
    /// @return the number of its job
    /// @throws IllegalArgumentException when the importance is of other columns, or of more than one matrix and not of all
    public int reserve(TargetTensor tensor, Choice choice, Optional<Importance> importance) {
        importance.ifPresent(weights -> check(tensor, weights));
        int job = jobs.size() + pending.size();
        pending.put(job, new Pending(tensor, choice, importance, new Span[choice.encoding().planes().size()]));
        return job;
    }

    /// Appends a plane of a tensor that was reserved.
    public void plane(int job, int plane) {
        Pending of = pending.get(job);
        if (of == null || of.spans()[plane] != null) {
            throw new IllegalArgumentException("plane " + plane + " of job " + job + " has a place");
        }
        long length = of.choice().encoding().planeBytes(plane, of.tensor().shape());
        of.spans()[plane] = new Span(files.size(), position, length);
        if (mode(of.tensor().view(), of.choice()) == Job.Mode.COPY && wholeSource(of.tensor().view()) instanceof StoredTensor source) {
            Span span = source.planes().get(plane);
            add(new Piece.Copy(position, span.length(), span.file(), span.offset()));
        } else {
            add(new Piece.PlaneOf(position, length, job, plane));
        }
        // Jobs keep the order in which they were reserved.
        for (Pending next = pending.get(jobs.size()); next != null && placed(next); next = pending.get(jobs.size())) {
            pending.remove(jobs.size());
            jobs.add(job(next));
        }
    }

    private static boolean placed(Pending pending) {
        for (Span span : pending.spans()) {
            if (span == null) {
                return false;
            }
        }
        return true;
    }

    private static Job job(Pending of) {
        TargetTensor tensor = of.tensor();
        Choice choice = of.choice();
        Job.Mode mode = mode(tensor.view(), choice);
        return new Job(tensor.view(), new StoredTensor(tensor.name(), tensor.shape(), choice.encoding(), List.of(of.spans())),
                choice.method(),
                mode, choice.reason(), mode == Job.Mode.ENCODE ? of.importance() : Optional.empty());
    }

    private static void check(TargetTensor tensor, Importance importance) {
        int rank = tensor.shape().rank();
        long matrices = rank < 3 ? 1 : tensor.shape().elements() / (tensor.shape().dimension(rank - 2) * tensor.shape().columns());
        if (importance.columns() != tensor.shape().columns() || importance.matrices() != 1 && importance.matrices() != matrices) {
            throw new IllegalArgumentException(tensor.name() + " of " + tensor.shape() + ": " + importance);
        }
    }

    /// The stored tensor of which a view is the whole, with all bytes in place.
    private static @org.jspecify.annotations.Nullable StoredTensor wholeSource(View view) {
        if (view instanceof View.Stored(StoredTensor tensor)) {
            return tensor;
        }
        return view instanceof View.Reshape(View of, _) && of instanceof View.Stored(StoredTensor tensor)
                && tensor.encoding().planes().size() == 1
                        ? tensor : null;
    }

    private static Job.Mode mode(View view, Choice choice) {
        // Codes that would be carried unchanged into the same bytes are copied.
        boolean unchanged = choice.method().equals("plain") || choice.method().equals("keep") || choice.method().equals("carry");
        if (unchanged && ViewReader.copiesBytes(view, choice.encoding())) {
            return Job.Mode.COPY;
        }
        return choice.method().equals("carry") ? Job.Mode.CARRY : Job.Mode.ENCODE;
    }

    private void add(Piece piece) {
        if (piece.length() > 0) {
            pieces.add(piece);
            position = piece.end();
        }
    }

    /// Tells what ranges of this file without tensors hold.
    public void sections(List<FileSection> told) {
        sections = List.copyOf(told);
    }

    /// Ends the file.
    public void endFile() {
        files.add(new OutputFile(name, holdsTensors, position, pieces, sections));
    }

    /// The files so far.
    public List<OutputFile> files() {
        return List.copyOf(files);
    }

    /// The jobs so far.
    ///
    /// @throws IllegalStateException when a plane of one has no place
    public List<Job> jobs() {
        if (!pending.isEmpty()) {
            throw new IllegalStateException(pending.values().iterator().next().tensor().name() + " has a plane without a place");
        }
        return List.copyOf(jobs);
    }
}

package io.github.weighbridge.plan;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.Sha256;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import io.github.weighbridge.view.View;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;

/// A digest of all that decides the bytes of a conversion: files, pieces, views, encodings, recipes, importance. Reasons and findings do not
/// count, nor do the names of target files as far as they follow from the target's own.
public final class PlanDigest {
    private final MessageDigest digest = Sha256.digest();

    private PlanDigest() {}

    /// SHA-256 in hexadecimal.
    ///
    /// @param name plain name of the target
    public static String of(ConversionPlan plan, String name) {
        PlanDigest all = new PlanDigest();
        all.add(plan.format(), plan.formatVersion().orElse(""), Boolean.toString(plan.folder()));
        String stem = name.contains(".") ? name.substring(0, name.lastIndexOf('.')) : name;
        for (OutputFile file : plan.files()) {
            boolean named = !plan.folder() && file.name().startsWith(stem);
            all.add(named ? "*" + file.name().substring(stem.length()) : file.name(), Long.toString(file.length()));
            file.pieces().forEach(all::piece);
        }
        plan.jobs().forEach(all::job);
        return HexFormat.of().formatHex(all.digest.digest());
    }

    private void add(String... words) {
        for (String word : words) {
            byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
            // Lengths keep neighbouring words apart.
            digest.update((bytes.length + ":").getBytes(StandardCharsets.US_ASCII));
            digest.update(bytes);
        }
    }

    private void piece(Piece piece) {
        add(piece.getClass().getSimpleName(), Long.toString(piece.offset()), Long.toString(piece.length()));
        add(switch (piece) {
            case Piece.Rendered(long _, Blob blob) -> blob.sha256();
            default -> piece.toString();
        });
    }

    private void job(Job job) {
        StoredTensor target = job.target();
        add(target.name(), target.shape().toString(), target.encoding().name(), job.method(), job.mode().name());
        spans(target.planes());
        view(job.view());
        job.importance().ifPresent(importance -> {
            for (int matrix = 0; matrix < importance.matrices(); matrix++) {
                for (float weight : importance.weights(matrix)) {
                    add(Integer.toHexString(Float.floatToIntBits(weight)));
                }
            }
        });
    }

    private void spans(List<Span> spans) {
        spans.forEach(span -> add(span.toString()));
    }

    private void view(View view) {
        add(view.getClass().getSimpleName());
        switch (view) {
            case View.Stored(StoredTensor tensor) -> {
                add(tensor.name(), tensor.shape().toString(), tensor.encoding().name());
                spans(tensor.planes());
            }
            case View.Slice(View of, int axis, long begin, long end) -> {
                add(axis + " " + begin + " " + end);
                view(of);
            }
            case View.Concat(int axis, List<View> parts) -> {
                add(axis + " " + parts.size());
                parts.forEach(this::view);
            }
            case View.Swap(View of, int axis, long first, long second, long block) -> {
                add(axis + " " + first + " " + second + " " + block);
                view(of);
            }
            case View.Reshape(View of, Shape shape) -> {
                add(shape.toString());
                view(of);
            }
            case View.Transpose(View of, List<Integer> order) -> {
                add(order.toString());
                view(of);
            }
            case View.Mapped(View of, var function) -> {
                add(function.toString());
                view(of);
            }
            case View.Constant(Shape shape, List<Float> values) -> add(shape.toString(), values.toString());
        }
    }
}

package io.github.weighbridge.audit;

import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.model.Architecture;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Layer;
import io.github.weighbridge.model.Role;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// What was published of a model's memory, beside the sums over this checkpoint that give the same number or nearly so: the gap between the
/// number on the box and the file.
///
/// Known are the five sizes of Gemma 4, from the memory tables of Google's documentation (ai.google.dev, "Gemma core", read in 2026). Google does
/// not say how the cells were computed; that a variant gives a cell is what the arithmetic shows, not what Google says. The cells for BF16 are
/// those of the whole checkpoint in BF16, in GiB, times 1.2, and those for Q4_0 a quarter of these. The cells for mobile are of the mobile
/// checkpoint in GiB: without the table of per-layer embeddings, without the key and value weights that layers never use which read another
/// layer's cache, and with those numbers of the encoders that are not quantised taken for BF16.
///
/// @param model the size, as the documentation names it; empty where nothing is known
/// @param variants sums over this checkpoint, the largest first
/// @param cells the published numbers, and the variants that give them
public record PublishedFigures(String model, List<Variant> variants, List<Cell> cells) {
    /// A sum over the checkpoint.
    ///
    /// @param name what it counts
    /// @param leavesOut what it leaves out or changes; empty for nothing
    /// @param bytes the sum
    public record Variant(String name, String leavesOut, long bytes) {
        /// The sum in GiB.
        public double gib() {
            return bytes / (double) (1L << 30);
        }
    }

    /// A published number.
    ///
    /// @param table which row of the documentation it stands in
    /// @param published as it stands there, in "GB" that are GiB
    /// @param variant the name of the variant that gives it
    /// @param factor what the variant is multiplied by
    /// @param computed the variant in GiB times the factor
    public record Cell(String table, String published, String variant, double factor, double computed) {
        /// Whether the computed number rounds to the published one.
        public boolean equal() {
            int decimals = published.length() - published.indexOf('.') - 1;
            return String.format(Locale.ROOT, "%." + decimals + "f", computed).equals(published);
        }
    }

    /// Cells of a size as they were published; empty where there is none.
    private record Size(String name, long layers, long hidden, String bf16, String q4, String mobile, String mobileText) {}

    private static final List<Size> SIZES = List.of(new Size("E2B", 35, 1536, "11.4", "2.9", "1.1", "0.84"),
            new Size("E4B", 42, 2560, "17.9", "4.5", "2.5", "2.2"), new Size("12B", 48, 3840, "26.7", "6.7", "", ""),
            new Size("26B A4B", 30, 2816, "57.7", "14.4", "", ""), new Size("31B", 60, 5376, "69.9", "17.5", "", ""));
    private static final PublishedFigures NONE = new PublishedFigures("", List.of(), List.of());
    private static final Set<Component> ENCODERS = Set.of(Component.VISION_ENCODER, Component.AUDIO_ENCODER, Component.PROJECTOR);
    private static final Set<Role> KEYS_AND_VALUES = Set.of(Role.ATTENTION_K, Role.ATTENTION_V, Role.ATTENTION_K_NORM);
    private static final double BF16_FACTOR = 1.2;
    private static final String WHOLE = "whole checkpoint";
    private static final String TEXT = "text";
    private static final String NO_TABLE = "without table";
    private static final String TEXT_NO_TABLE = "text without table";
    private static final String LIVE = "live, without table";
    private static final String TEXT_LIVE = "live text, without table";
    private static final String TABLE_TEXT = "the table of per-layer embeddings";
    private static final String ENCODER_TEXT = "the encoders of images and sound";
    private static final String DEAD_TEXT = "keys and values of layers that read another layer's cache";

    /// Copies the lists.
    public PublishedFigures {
        variants = List.copyOf(variants);
        cells = List.copyOf(cells);
    }

    /// Whether anything is known.
    public boolean known() {
        return !cells.isEmpty();
    }

    /// Compares a checkpoint with what was published of its model. Nothing is known of other models, nor of checkpoints in other forms than the
    /// released ones: BF16, and 2, 4 and 8 bits a row with the towers beside the text model.
    public static PublishedFigures of(Audited audited) {
        Architecture architecture = audited.architecture();
        Optional<Size> size = SIZES.stream().filter(one -> architecture.family().equals("gemma4")
                && architecture.layers().size() == one.layers && architecture.hiddenSize() == one.hidden).findFirst();
        if (size.isEmpty() || audited.tensors().stream().noneMatch(tensor -> ENCODERS.contains(tensor.identity().component()))) {
            return NONE;
        }
        if (audited.tensors().stream().allMatch(tensor -> dense(tensor) == DenseType.BF16)) {
            return bf16(size.get(), audited);
        }
        boolean mobile = audited.tensors().stream().filter(tensor -> tensor.identity().role().equals(Role.PER_LAYER_EMBEDDING)
                || tensor.identity().role().equals(Role.TOKEN_EMBEDDING)).allMatch(PublishedFigures::codes);
        return mobile && !size.get().mobile.isEmpty() ? mobile(size.get(), audited) : NONE;
    }

    private static @org.jspecify.annotations.Nullable DenseType dense(AuditedTensor tensor) {
        return tensor.tensor().encoding().dense().orElse(null);
    }

    private static boolean codes(AuditedTensor tensor) {
        Encoding encoding = tensor.tensor().encoding();
        return encoding.dense().isEmpty() && encoding.planes().size() == 2 && (encoding.codeBits() == 2 || encoding.codeBits() == 4);
    }

    private static PublishedFigures bf16(Size size, Audited audited) {
        long all = sum(audited, _ -> true);
        List<Variant> variants = List.of(new Variant(WHOLE, "", all));
        List<Cell> cells = List.of(cell("BF16", size.bf16, variants.getFirst(), BF16_FACTOR),
                cell("Q4_0", size.q4, variants.getFirst(), BF16_FACTOR / 4));
        return new PublishedFigures(size.name, variants, cells);
    }

    private static PublishedFigures mobile(Size size, Audited audited) {
        Set<String> dead = dead(audited);
        Predicate<AuditedTensor> text = tensor -> !ENCODERS.contains(tensor.identity().component());
        Predicate<AuditedTensor> noTable = tensor -> !tensor.identity().component().equals(Component.PER_LAYER_EMBEDDING);
        Predicate<AuditedTensor> live = noTable.and(tensor -> !dead.contains(tensor.tensor().name()));
        // Numbers of the encoders in single precision would take half as much.
        long half = sum(audited, tensor -> !text.test(tensor) && dense(tensor) == DenseType.F32
                && !tensor.identity().role().equals(Role.ACTIVATION_SCALE)) / 2;
        List<Variant> variants = new ArrayList<>();
        variants.add(new Variant(WHOLE, "", sum(audited, _ -> true)));
        variants.add(new Variant(TEXT, ENCODER_TEXT, sum(audited, text)));
        variants.add(new Variant(NO_TABLE, TABLE_TEXT, sum(audited, noTable)));
        variants.add(new Variant(TEXT_NO_TABLE, TABLE_TEXT + ", " + ENCODER_TEXT, sum(audited, text.and(noTable))));
        variants.add(new Variant(LIVE, TABLE_TEXT + ", " + DEAD_TEXT + "; what the encoders have in single precision counts as BF16",
                sum(audited, live) - half));
        variants.add(new Variant(TEXT_LIVE, TABLE_TEXT + ", " + DEAD_TEXT + ", " + ENCODER_TEXT, sum(audited, text.and(live))));
        List<Cell> cells =
                List.of(cell("mobile", size.mobile, variants.get(4), 1), cell("mobile, text only", size.mobileText, variants.get(5), 1));
        return new PublishedFigures(size.name, variants, cells);
    }

    private static Cell cell(String table, String published, Variant variant, double factor) {
        return new Cell(table, published, variant.name, factor, variant.gib() * factor);
    }

    private static long sum(Audited audited, Predicate<AuditedTensor> counted) {
        return audited.tensors().stream().filter(counted).mapToLong(tensor -> tensor.tensor().bytes()).sum();
    }

    /// Names of the key and value weights that are never used, and of the activation scales that belong to them.
    private static Set<String> dead(Audited audited) {
        List<Layer> layers = audited.architecture().layers();
        Set<String> modules = new HashSet<>();
        Set<String> names = new HashSet<>();
        for (AuditedTensor tensor : audited.tensors()) {
            Identity identity = tensor.identity();
            if (identity.component().equals(Component.TEXT_DECODER) && KEYS_AND_VALUES.contains(identity.role())
                    && identity.layer() >= 0 && identity.layer() < layers.size() && !layers.get(identity.layer()).ownsCache()) {
                String name = tensor.tensor().name();
                names.add(name);
                modules.add(name.substring(0, name.lastIndexOf('.') + 1));
            }
        }
        for (AuditedTensor tensor : audited.tensors()) {
            String name = tensor.tensor().name();
            if (tensor.identity().role().equals(Role.ACTIVATION_SCALE) && modules.contains(name.substring(0, name.lastIndexOf('.') + 1))) {
                names.add(name);
            }
        }
        return names;
    }

    /// The variant that a cell names.
    public Variant variant(Cell cell) {
        return Objects.requireNonNull(variants.stream().filter(one -> one.name.equals(cell.variant)).findFirst().orElse(null));
    }
}

package io.github.weighbridge.inspector;

import io.github.weighbridge.audit.Audited;
import io.github.weighbridge.audit.Audited.AuditedTensor;
import io.github.weighbridge.audit.Footprint;
import io.github.weighbridge.inspector.Treemap.Rectangle;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The map of a checkpoint, each tile as large as the bytes it stands for and coloured by its bits per weight; and its layers as bars.
final class HtmlMap {
    static final List<String> PARTS = List.of("attention", "ffn", "experts", "per_layer", "norms", "other");
    private static final double WIDTH = 1200;
    private static final double HEIGHT = 520;
    private static final double HEAD = 20;
    /// Tiles smaller than this are drawn, but not written on.
    private static final double LEAST_LABEL_WIDTH = 22;
    private static final double LEAST_LABEL_HEIGHT = 13;
    private static final double CHARACTER = 6.2;

    /// What one part of a layer weighs.
    static final class Weight {
        private long parameters;
        private long bytes;
        private int tensors;

        double bits() {
            return Footprint.bits(bytes, parameters);
        }

        long bytes() {
            return bytes;
        }

        private void add(AuditedTensor tensor) {
            parameters += tensor.tensor().shape().elements();
            bytes += tensor.tensor().bytes();
            tensors++;
        }
    }

    /// A component: what lies in layers by layer and part, and what lies outside.
    private record Parts(TreeMap<Integer, Map<String, Weight>> layers, Weight rest) {
        long bytes() {
            return rest.bytes + layers.values().stream().mapToLong(HtmlMap::bytes).sum();
        }
    }

    private final Html html;
    private final Map<Component, Parts> components = new LinkedHashMap<>();
    private final long bytes;

    HtmlMap(Html html, Audited audited, Footprint footprint) {
        this.html = html;
        this.bytes = footprint.tensorBytes();
        footprint.components().forEach(share -> components.put(share.component(), new Parts(new TreeMap<>(), new Weight())));
        for (AuditedTensor tensor : audited.tensors()) {
            Identity identity = tensor.identity();
            Parts parts = components.get(identity.component());
            if (parts == null) {
                continue;
            }
            if (identity.layer() == Identity.NO_LAYER) {
                parts.rest.add(tensor);
            } else {
                parts.layers.computeIfAbsent(identity.layer(), _ -> new LinkedHashMap<>())
                        .computeIfAbsent(Footprint.part(identity.role()), _ -> new Weight()).add(tensor);
            }
        }
    }

    /// What a layer's parts weigh, in the order of the report.
    List<Map.Entry<String, Weight>> layer(Component component, int layer) {
        Parts parts = components.get(component);
        Map<String, Weight> found = parts == null ? null : parts.layers.get(layer);
        return found == null ? List.of() : inOrder(found);
    }

    private static List<Map.Entry<String, Weight>> inOrder(Map<String, Weight> layer) {
        return layer.entrySet().stream().sorted(Comparator.comparing(entry -> PARTS.indexOf(entry.getKey()))).toList();
    }

    private static long bytes(Map<String, Weight> layer) {
        return layer.values().stream().mapToLong(Weight::bytes).sum();
    }

    /// Draws the map.
    void draw() {
        html.raw("<svg class=map id=map viewBox=\"0 0 " + Html.length(WIDTH) + " " + Html.length(HEIGHT)
                + "\" role=group aria-label=\"Map of the bytes; arrow keys move from tile to tile, Enter lists its tensors\">\n");
        Iterator<Rectangle> places = Treemap.divide(new Rectangle(0, 0, WIDTH, HEIGHT),
                components.values().stream().map(Parts::bytes).toList()).iterator();
        components.forEach((component, parts) -> component(component.word(), parts, places.next()));
        html.raw("</svg>\n");
    }

    private void component(String word, Parts parts, Rectangle place) {
        Rectangle inner = place.inset(1.5, 1.5, 1.5, 1.5);
        boolean head = !parts.layers.isEmpty() && inner.height() > 3 * HEAD && inner.width() > 90;
        if (head) {
            html.raw("<text class=head x=" + Html.length(inner.x() + 4) + " y=" + Html.length(inner.y() + 14) + ">")
                    .text(fit(word + " · " + Numbers.size(parts.bytes()), inner.width() - 8)).raw("</text>\n");
            inner = inner.inset(0, HEAD, 0, 0);
        }
        if (parts.layers.isEmpty()) {
            tile(inner, parts.rest, word, "", word, Numbers.size(parts.bytes()));
            return;
        }
        List<Long> sizes = new ArrayList<>(List.of(parts.rest.bytes));
        parts.layers.values().forEach(layer -> sizes.add(bytes(layer)));
        Iterator<Rectangle> places = Treemap.strips(inner, sizes).iterator();
        tile(places.next(), parts.rest, word, "", "outside layers", Numbers.size(parts.rest.bytes));
        parts.layers.forEach((number, layer) -> layer(word, number, inOrder(layer), places.next()));
    }

    private void layer(String component, int number, List<Map.Entry<String, Weight>> parts, Rectangle place) {
        Rectangle room = place.width() > 6 && place.height() > 6 ? place.inset(0.8, 0.8, 0.8, 0.8) : place;
        Iterator<Rectangle> places = Treemap.divide(room, parts.stream().map(part -> part.getValue().bytes).toList()).iterator();
        parts.forEach(part -> tile(places.next(), part.getValue(), component, Integer.toString(number), number + " " + part.getKey(),
                Numbers.bits(part.getValue().bits()).replaceFirst("\\.?0+$", "") + " bits"));
    }

    private void tile(Rectangle place, Weight weight, String component, String layer, String label, String more) {
        if (weight.tensors == 0) {
            return;
        }
        String what = component + (layer.isEmpty() ? label.equals(component) ? "" : ", " + label : ", layer " + label);
        String tip = what + ": " + Numbers.size(weight.bytes) + ", " + Numbers.share(weight.bytes, bytes) + " of the weights, "
                + Numbers.bits(weight.bits()) + " bits per weight, " + Numbers.count(weight.tensors, "tensor", "tensors");
        html.raw("<g class=tile tabindex=-1 role=button data-component=\"" + Html.escaped(component) + "\" data-layer=\"" + layer
                + "\" aria-label=\""
                + Html.escaped(tip) + "\"><title>").text(tip).raw("</title><rect class=" + Html.tint(weight.bits()) + " x="
                        + Html.length(place.x()) + " y=" + Html.length(place.y()) + " width=" + Html.length(place.width()) + " height="
                        + Html.length(place.height()) + "></rect>");
        if (place.width() > LEAST_LABEL_WIDTH && place.height() > LEAST_LABEL_HEIGHT) {
            double room = place.width() - 8;
            html.raw("<text x=" + Html.length(place.x() + 4) + " y=" + Html.length(place.y() + 11) + ">").text(fit(label, room))
                    .raw("</text>");
            if (place.height() > 2 * LEAST_LABEL_HEIGHT && more.length() * CHARACTER < room) {
                html.raw("<text class=more x=" + Html.length(place.x() + 4) + " y=" + Html.length(place.y() + 23) + ">").text(more)
                        .raw("</text>");
            }
        }
        html.raw("</g>\n");
    }

    /// As much of a text as there is room for.
    private static String fit(String text, double room) {
        int characters = (int) (room / CHARACTER);
        int blank = text.indexOf(' ');
        boolean numbered = blank > 0 && text.substring(0, blank).chars().allMatch(Character::isDigit);
        return text.length() <= characters ? text : numbered && characters < blank + 4 ? text.substring(0, blank)
                : text.substring(0, Math.max(0, characters - 1)) + "…";
    }
}
